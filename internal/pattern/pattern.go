// Package pattern compiles regular expressions when they are first used: to
// compile all of them takes longer than the rest of a start.
package pattern

import (
	"regexp"
	"sync"
)

// Lazy returns a function that gives the pattern of a text. The text has to be
// right: its first use panics where it is not.
func Lazy(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
