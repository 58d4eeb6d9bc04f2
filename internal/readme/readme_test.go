package readme

import "testing"

func TestReplaceChangesThePartOnly(t *testing.T) {
	const text = "above\n<!-- a: by hand -->\nold\n<!-- end of a -->\n<!-- b: -->\nkept\n<!-- end of b -->\nbelow\n"
	const want = "above\n<!-- a: by hand -->\nnew\n<!-- end of a -->\n<!-- b: -->\nkept\n<!-- end of b -->\nbelow\n"
	got, err := Replace([]byte(text), "a", "new\n")
	if err != nil || string(got) != want {
		t.Errorf("%v, got\n%s", err, got)
	}
	if again, err := Replace(got, "a", "new\n"); err != nil || string(again) != want {
		t.Errorf("the second time: %v, got\n%s", err, again)
	}
	for _, broken := range []string{"", "<!-- a: -->\n", "<!-- end of a -->\n<!-- a: -->\n", "<!-- ab: -->\n<!-- end of a -->\n"} {
		if _, err := Replace([]byte(broken), "a", "new\n"); err == nil {
			t.Errorf("%q has no such part", broken)
		}
	}
}
