package kms

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

func TestEveryOperationIsPublished(t *testing.T) {
	for _, op := range Operations {
		if !Published(op.Name) {
			t.Errorf("%s is not in operations.txt", op.Name)
		}
	}
}

// Every family, a variable of type []Operation, is in the table: one that is
// left out would compile.
func TestTheTableHasEveryFamily(t *testing.T) {
	families, rows := 0, 0
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			array, ok := list.Type.(*ast.ArrayType)
			if !ok {
				return true
			}
			if of, ok := array.Elt.(*ast.Ident); ok && of.Name == "Operation" {
				families++
				rows += len(list.Elts)
			}
			return true
		})
	}
	if rows != len(Operations) || families < 2 {
		t.Errorf("the families declare %d operations, the table has %d", rows, len(Operations))
	}
}

func sources(t *testing.T) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
