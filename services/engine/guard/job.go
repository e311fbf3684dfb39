package guard

// Job is a command to run.
type Job struct {
	// Path of the executable; nothing is looked up.
	Path string `json:"path"`
	// Args as the command sees them, its name included.
	Args []string `json:"args"`
	// Env is its whole environment.
	Env []string `json:"env"`
	// Dir is the working directory; this process's own if empty.
	Dir string `json:"dir"`
}

// Exit is how a command ended.
type Exit struct {
	// Code is its exit code, if it was not ended by a signal.
	Code int `json:"code"`
	// Signal that ended it, by number; 0: none.
	Signal int `json:"signal,omitempty"`
	// Error is why it could not be started.
	Error string `json:"error,omitempty"`
	// Errno is the system's number of that error; 0: none.
	Errno int `json:"errno,omitempty"`
}
