package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/document"
)

// file is the configuration file: clusters, and contexts that name one of them.
type file struct {
	CurrentContext string                 `json:"current-context"`
	Contexts       map[string]fileContext `json:"contexts"`
	Clusters       map[string]fileCluster `json:"clusters"`

	path string
}

type fileContext struct {
	Cluster string `json:"cluster"`
	Prefix  string `json:"prefix"`
	Site    string `json:"site"`
}

type fileCluster struct {
	Brokers []string `json:"brokers"`
	TLS     struct {
		Enabled    bool   `json:"enabled"`
		CAFile     string `json:"ca-file"`
		CertFile   string `json:"cert-file"`
		KeyFile    string `json:"key-file"`
		ServerName string `json:"server-name"`
	} `json:"tls"`
	SASL struct {
		Mechanism    string `json:"mechanism"`
		User         string `json:"user"`
		PasswordFile string `json:"password-file"`
	} `json:"sasl"`
	AllowedAddresses []string `json:"allowed-addresses"`
	DialTimeout      string   `json:"dial-timeout"`
}

// defaultPath is where the file is if nothing says otherwise; empty if the user has
// no directory for such files.
func defaultPath() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "spanway", "config.yaml")
}

// maxFile bounds the configuration file.
const maxFile = 1 << 20

// readFile reads the file, for no longer than ctx. One that is not named need not exist.
func readFile(ctx context.Context, path string, named bool) (*file, error) {
	f := &file{path: path}
	if path == "" {
		return f, nil
	}
	data, err := readAll(ctx, path)
	if !named && errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	if err := document.Decode(data, f); err != nil {
		if strings.Contains(err.Error(), `"password"`) { // and nothing of the file, which may hold one
			return nil, fmt.Errorf("read the configuration file %s: a password must not be in it: name a file that holds it as password-file", path)
		}
		return nil, fmt.Errorf("read the configuration file %s: %w", path, err)
	}
	for name, c := range f.Clusters {
		for _, p := range []*string{&c.TLS.CAFile, &c.TLS.CertFile, &c.TLS.KeyFile, &c.SASL.PasswordFile} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(filepath.Dir(path), *p) // where the file is, as kubectl does
			}
		}
		f.Clusters[name] = c
	}
	return f, nil
}

func readAll(ctx context.Context, path string) ([]byte, error) {
	in, err := open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return data, err
}

// choose finds a context and its cluster by their names, which may be empty. Where
// only a cluster is named, the current context counts if it is that cluster's.
func (f *file) choose(context, cluster string) (*fileContext, string, *fileCluster, error) {
	if context == "" && (cluster == "" || f.Contexts[f.CurrentContext].Cluster == cluster) {
		context = f.CurrentContext
	}
	var chosen fileContext
	if context != "" {
		var found bool
		if chosen, found = f.Contexts[context]; !found {
			return nil, "", nil, fmt.Errorf("context %q is not in the configuration file %s, which has: %s", context, f.path, known(f.Contexts))
		}
	}
	if cluster == "" {
		cluster = chosen.Cluster
	}
	if cluster == "" {
		return &chosen, "", &fileCluster{}, nil
	}
	c, found := f.Clusters[cluster]
	if !found {
		return nil, "", nil, fmt.Errorf("cluster %q is not in the configuration file %s, which has: %s", cluster, f.path, known(f.Clusters))
	}
	return &chosen, cluster, &c, nil
}

func known[V any](m map[string]V) string {
	if len(m) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
