package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) taskWhy() *cobra.Command {
	return &cobra.Command{Use: "why ID", Args: cobra.ExactArgs(1), RunE: func(*cobra.Command, []string) error { return errors.New("not wired") }}
}
