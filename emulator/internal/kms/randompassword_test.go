package kms

import (
	"strings"
	"testing"
)

func TestPasswordsHaveTheCharactersThatAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		sent   map[string]string
		length int
		each   []string // of which there is one at least
		none   string
	}{
		{"the default", nil, 32, []string{lowercase, uppercase, digits, punctuation}, " "},
		{"the shortest", map[string]string{"PasswordLength": "8"}, 8, []string{lowercase, uppercase, digits, punctuation}, ""},
		{"the longest", map[string]string{"PasswordLength": "128"}, 128, []string{lowercase, uppercase, digits, punctuation}, ""},
		{"digits alone", map[string]string{"ExcludeLowercase": "true", "ExcludeUppercase": "true", "ExcludePunctuation": "true"}, 32, []string{digits}, lowercase + uppercase + punctuation},
		{"without some", map[string]string{"ExcludeCharacters": "abc012\"'\\"}, 32, []string{lowercase, uppercase, digits, punctuation}, "abc012\"'\\"},
		{"without a whole type", map[string]string{"ExcludeCharacters": digits}, 32, []string{lowercase, uppercase, punctuation}, digits},
		{"not each", map[string]string{"RequireEachIncludedType": "false", "ExcludePunctuation": "true"}, 32, nil, punctuation},
	} {
		s := taggedKeys(t, 0, 0)
		seen := map[string]bool{}
		for range 200 {
			got, err := answer(s, "GetRandomPassword", c.sent)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			password := got.(*getRandomPasswordResponse).RandomPassword
			seen[password] = true
			if len(password) != c.length || strings.ContainsAny(password, c.none) {
				t.Fatalf("%s: %q", c.name, password)
			}
			for _, characters := range c.each {
				if !strings.ContainsAny(password, characters) {
					t.Fatalf("%s: %q has none of %s", c.name, password, characters)
				}
			}
		}
		if len(seen) < 199 {
			t.Errorf("%s: %d different passwords of 200", c.name, len(seen))
		}
	}
}

func TestPasswordsOfNoCharactersAreRefused(t *testing.T) {
	s := taggedKeys(t, 0, 0)
	for _, sent := range []map[string]string{
		{"PasswordLength": "7"}, {"PasswordLength": "129"}, {"PasswordLength": "many"},
		{"ExcludeLowercase": "true", "ExcludeUppercase": "true", "ExcludeNumbers": "true", "ExcludePunctuation": "true"},
		{"ExcludeCharacters": "é"},
	} {
		if got, err := answer(s, "GetRandomPassword", sent); err == nil {
			t.Errorf("%v: %v", sent, got)
		}
	}
}
