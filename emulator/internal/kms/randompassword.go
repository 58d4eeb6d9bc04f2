package kms

import (
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/alikms/alikms/emulator/internal/kmserr"
)

var passwordOperations = []Operation{
	read("GetRandomPassword", "Makes a password.", getRandomPassword).quota(groupSecrets).resource("*"),
}

// The characters of passwords. The punctuation is read off the vendor's page
// "GetRandomPassword", where a part of it is garbled.
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// getRandomPasswordRequest wants a character of each type unless it says
// otherwise: the default is not documented.
type getRandomPasswordRequest struct {
	PasswordLength          int `default:"32" min:"8" max:"128"`
	ExcludeCharacters       string
	ExcludeLowercase        bool
	ExcludeUppercase        bool
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	RequireEachIncludedType bool `default:"true"`
}

type getRandomPasswordResponse struct{ RandomPassword string }

func getRandomPassword(tx *transaction, in *getRandomPasswordRequest) (*getRandomPasswordResponse, error) {
	types := in.types()
	if len(types) == 0 || strings.Trim(in.ExcludeCharacters, lowercase+uppercase+digits+punctuation+" ") != "" {
		return nil, kmserr.InvalidParameter("ExcludeCharacters")
	}
	if err := tx.permit(ARN(tx.Scope, "*")); err != nil {
		return nil, err
	}
	password, err := randomPassword(in.PasswordLength, types, in.RequireEachIncludedType)
	return &getRandomPasswordResponse{password}, err
}

// types are the characters of each type that may be in the password, without types
// of which none may.
func (in *getRandomPasswordRequest) types() (types []string) {
	for _, t := range []struct {
		characters string
		excluded   bool
	}{{lowercase, in.ExcludeLowercase}, {uppercase, in.ExcludeUppercase}, {digits, in.ExcludeNumbers}, {punctuation, in.ExcludePunctuation}} {
		left := strings.Map(func(r rune) rune {
			if t.excluded || strings.ContainsRune(in.ExcludeCharacters, r) {
				return -1
			}
			return r
		}, t.characters)
		if left != "" {
			types = append(types, left)
		}
	}
	return types
}

// randomPassword draws each character from all types; with each, first one from
// each type, and then it shuffles.
func randomPassword(length int, types []string, each bool) (string, error) {
	password := make([]byte, 0, length)
	from := func(characters string) error {
		n, err := randomBelow(len(characters))
		if err == nil {
			password = append(password, characters[n])
		}
		return err
	}
	for i := 0; len(password) < length; i++ {
		characters := strings.Join(types, "")
		if each && i < len(types) {
			characters = types[i]
		}
		if err := from(characters); err != nil {
			return "", err
		}
	}
	for i := len(password) - 1; i > 0; i-- {
		j, err := randomBelow(i + 1)
		if err != nil {
			return "", err
		}
		password[i], password[j] = password[j], password[i]
	}
	return string(password), nil
}

func randomBelow(n int) (int, error) {
	drawn, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0, err
	}
	return int(drawn.Int64()), nil
}
