package main

import (
	"fmt"

	"github.com/alikms/alikms/emulator"
)

type operationsCommand struct{}

// Run prints a line for each operation.
func (operationsCommand) Run(o output) error {
	for _, op := range emulator.Operations() {
		fmt.Fprintf(o.out, "%-22s %s\n", op.Name, op.Summary)
	}
	return nil
}

type errorsCommand struct{}

// Run prints a line for each error of the catalogue.
func (errorsCommand) Run(o output) error {
	for _, e := range emulator.Errors() {
		fmt.Fprintf(o.out, "%-34s %d %s\n", e.Code, e.Status, e.Message)
	}
	return nil
}

type schemaCommand struct{}

// Help is what kong prints below the first line.
func (schemaCommand) Help() string {
	return `Beside your scenario files: alikms schema > schema.json

Then begin each with a line by which editors find it:

  # yaml-language-server: $schema=schema.json    in YAML
  "$schema": "schema.json",                       in JSON, as the first field

While alikms runs, http://127.0.0.1:8080/_emulator/schema.json is the same.`
}

// Run prints the schema.
func (schemaCommand) Run(o output) error {
	_, err := o.out.Write(emulator.Schema())
	return err
}
