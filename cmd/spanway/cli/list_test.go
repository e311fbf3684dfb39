package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// taken is what the flags of every kind are after a call with these arguments.
type taken struct {
	List   []string
	Ints   []int
	Pairs  map[string]string
	Labels map[string][]Word
	Bool   bool
	Lasts  string
}

func take(args ...string) (got taken, err error) {
	c := &cobra.Command{}
	f := c.Flags()
	f.StringSliceVar(&got.List, "list", []string{"default"}, "")
	f.IntSliceVar(&got.Ints, "ints", nil, "")
	Pairs(f, &got.Pairs, "pairs", "")
	PairsOf(f, &got.Labels, func(w []Word) ([]Word, error) { return w, nil }, "labels", "")
	f.BoolVar(&got.Bool, "bool", false, "")
	lasts := f.Duration("lasts", 0, "")
	accept(c)
	err = f.Parse(args)
	got.Lasts = lasts.String()
	return got, err
}

func TestListsAreTrimmedAndKeepWhatIsInQuotes(t *testing.T) {
	for arg, want := range map[string]taken{
		`--list=a, b ,c`:                   {List: []string{"a", "b", "c"}},
		`--list="a,b", 'c''d' ,e"f,it's`:   {List: []string{"a,b", "c'd", `e"f`, "it's"}},
		`--list=""`:                        {List: []string{""}},
		`--list=`:                          {List: []string{}},
		`--ints=1, 2`:                      {Ints: []int{1, 2}},
		`--pairs=a=1, b = x y ,c="x,y=z"`:  {Pairs: map[string]string{"a": "1", "b": "x y", "c": "x,y=z"}},
		`--pairs="a,b=c"=3,d=1;2,e=`:       {Pairs: map[string]string{"a,b=c": "3", "d": "1;2", "e": ""}},
		`--labels=zip="007"; 8 ,n=1`:       {Labels: map[string][]Word{"zip": {{"007", true}, {"8", false}}, "n": {{"1", false}}}},
		`--labels=s="a;b,c",t='it''s "x"'`: {Labels: map[string][]Word{"s": {{"a;b,c", true}}, "t": {{`it's "x"`, true}}}},
		`--bool`:                           {Bool: true},
		`--bool=yes`:                       {Bool: true},
		`--bool=No`:                        {},
		`--lasts=1d12h`:                    {Lasts: "36h0m0s"},
	} {
		if want.List == nil {
			want.List = []string{"default"}
		}
		if want.Lasts == "" {
			want.Lasts = "0s"
		}
		got, err := take(arg)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", arg, err, diff)
		}
	}
	if got, err := take("--list=a", "--list=b,c", "--pairs=a=1", "--pairs=b=2,c=3"); err != nil || len(got.List) != 3 || got.Pairs["a"] != "1" || len(got.Pairs) != 3 {
		t.Errorf("flags given again: %+v, %v", got, err)
	}
	for _, flag := range []string{"--pairs", "--labels"} {
		if _, err := take(flag+"=a=1", flag+"=b=2,a=3"); err == nil || !strings.Contains(err.Error(), `"a" is given twice`) {
			t.Errorf("%s gives a name twice: %v", flag, err)
		}
	}
}

func TestFlagsSayWhatToGive(t *testing.T) {
	for arg, want := range map[string]string{
		`--list=a,,b`:            `--list "a,,b": item 2 of the list is empty`,
		`--list="a`:              "is not closed",
		`--list="a"b`:            "follows the quote",
		`--ints=1,x`:             `--ints "1,x": give an integer`,
		`--ints=99999999999e`:    "give an integer",
		`--pairs=a`:              `"a" is no NAME=VALUE`,
		`--pairs=a=1,b`:          `"b" is no NAME=VALUE`,
		`--pairs==1`:             "is no NAME=VALUE",
		`--labels=a="x`:          "is not closed",
		`--bool=perhaps`:         `--bool "perhaps": give true or false, yes or no, 1 or 0`,
		`--lasts=10`:             `--lasts "10": give a duration such as 30s, 12h or 7d`,
		`--lasts=9999999999999d`: "give a duration",
	} {
		_, err := take(arg)
		if err == nil {
			t.Errorf("%s was accepted", arg)
			continue
		}
		if said := wrongFlag(&cobra.Command{}, err).Error(); !strings.Contains(said, want) {
			t.Errorf("%s: %q, want it to contain %q", arg, said, want)
		}
	}
}

func TestNamesThatAreNearAreSuggested(t *testing.T) {
	verb := func(name string) *cobra.Command {
		return &cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}}
	}
	noun := Noun("task", "", verb("list"), verb("show"))
	if got := near(noun, "lits"); got != ", did you mean list?" {
		t.Errorf("lits: %q", got)
	}
	if got := near(noun, "banana"); got != "" {
		t.Errorf("banana: %q", got)
	}
	c := verb("list")
	c.Flags().String("state", "", "")
	err := c.Flags().Parse([]string{"--sate", "x"})
	if said := wrongFlag(c, err).Error(); said != "unknown flag: --sate; did you mean --state?" {
		t.Error(said)
	}
}
