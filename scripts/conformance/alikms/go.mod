module github.com/alikms/alikms/scripts/conformance/alikms

go 1.26
