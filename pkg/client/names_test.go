package client_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// named has the types of arguments that are names, or hold one.
var named = map[reflect.Type]reflect.Value{
	reflect.TypeFor[events.Pool]():           reflect.ValueOf(events.Pool("a\r")),
	reflect.TypeFor[events.TaskID]():         reflect.ValueOf(events.TaskID("a\r")),
	reflect.TypeFor[events.EngineID]():       reflect.ValueOf(events.EngineID("a\r")),
	reflect.TypeFor[client.Task]():           reflect.ValueOf(client.Task{Kind: "k", ID: "a\r"}),
	reflect.TypeFor[*events.TaskRequested](): reflect.ValueOf(&events.TaskRequested{Kind: "k", TaskId: "a\r"}),
	reflect.TypeFor[client.WatchConfig]():    reflect.ValueOf(client.WatchConfig{Pool: "a\r"}),
}

// Every method refuses a bad name in each argument at once, whatever the broker does:
// what is waited for under such a name never comes.
func TestEveryCallRefusesBadNames(t *testing.T) {
	c := stubborn(t, gone(t))
	typ, tried := reflect.TypeFor[*client.Client](), 0
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		for at := 1; at < m.Type.NumIn(); at++ {
			bad, ok := named[m.Type.In(at)]
			if !ok {
				continue
			}
			tried++
			t.Run(m.Name+"/"+bad.Type().String(), func(t *testing.T) {
				if err := callWith(t, c, m, at, bad); err == nil || err.Code != events.CodeBadData {
					t.Errorf("it says %v, want it to be refused with BAD_DATA", err)
				}
			})
		}
	}
	if tried < 18 {
		t.Errorf("%d arguments were tried: not all were found", tried)
	}
}

// callWith calls a method with good arguments but one, and returns how it is refused; nil
// if it is not.
func callWith(t *testing.T, c *client.Client, m reflect.Method, at int, bad reflect.Value) (refused *client.Refused) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // It only ends what hangs.
	defer cancel()
	done := make(chan error, 2)
	args := []reflect.Value{reflect.ValueOf(c)}
	for n := 1; n < m.Type.NumIn(); n++ {
		typ, arg := m.Type.In(n), reflect.New(m.Type.In(n)).Elem()
		switch {
		case n == at:
			arg = bad
		case typ == reflect.TypeFor[context.Context]():
			arg = reflect.ValueOf(ctx)
		case typ == reflect.TypeFor[func(events.TaskID, error)]():
			arg = reflect.ValueOf(func(_ events.TaskID, err error) { done <- err })
		case typ.Kind() == reflect.String:
			arg.SetString("x")
		}
		args = append(args, arg)
	}
	out := m.Func.Call(args)
	if len(out) == 0 {
		done <- errors.New("it is not said") // Unless it was, before.
		errors.As(<-done, &refused)
		return refused
	}
	err, _ := out[len(out)-1].Interface().(error)
	errors.As(err, &refused)
	return refused
}
