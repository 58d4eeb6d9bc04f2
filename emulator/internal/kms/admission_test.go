package kms

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/alikms/alikms/store"
)

// tested is a service on an empty store.
func tested(t *testing.T, poolSize int) *Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "alikms.db"), store.Options{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := NewService(st, poolSize)
	t.Cleanup(s.Close)
	return s
}

// answer runs an operation; its parameters are names and values in turn.
func (s *Service) answer(ctx context.Context, action string, sent ...string) (any, error) {
	params := map[string]string{}
	for i := 0; i < len(sent); i += 2 {
		params[sent[i]] = sent[i+1]
	}
	c := &Call{Context: ctx, Settings: &Settings{}, Scope: store.Scope{Account: "1234567890123456", Region: "cn-hangzhou"}, Now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	op, err := Find(action)
	if err != nil {
		return nil, err
	}
	return op.Answer(s, c, params)
}

// count is how many keys there are.
func (s *Service) count(t *testing.T) (n int) {
	t.Helper()
	err := s.Store.View(func(tx *store.Tx) error {
		return EachKey(tx, func(store.Key) error { n++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// occupy takes every place of slow work, as keys being made do, until the
// function it returns is called.
func (s *Service) occupy(t *testing.T) (leave func()) {
	t.Helper()
	places := int64(0)
	for s.slow.TryAcquire(1) {
		places++
	}
	return func() { s.slow.Release(places) }
}

// create makes a key and gives its id and the id of its version.
func (s *Service) create(t *testing.T, spec, usage string) (id, version string) {
	t.Helper()
	out, err := s.answer(t.Context(), "CreateKey", "KeySpec", spec, "KeyUsage", usage)
	if err != nil {
		t.Fatal(err)
	}
	id = out.(*createKeyResponse).KeyMetadata.KeyId
	out, err = s.answer(t.Context(), "ListKeyVersions", "KeyId", id)
	if err != nil {
		t.Fatal(err)
	}
	return id, out.(*listKeyVersionsResponse).KeyVersions.KeyVersion[0].KeyVersionId
}

// TestOnlyKeysBeingMadeWaitForEachOther: what takes less goes on, the first use
// of an RSA key, which has to be parsed for it, included.
func TestOnlyKeysBeingMadeWaitForEachOther(t *testing.T) {
	s := tested(t, 0)
	rsa, version := s.create(t, "RSA_2048", "ENCRYPT/DECRYPT")
	aes, _ := s.create(t, "Aliyun_AES_256", "ENCRYPT/DECRYPT")
	defer s.occupy(t)()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // of a call that waits
	defer cancel()
	for _, call := range [][]string{
		{"DescribeKey", "KeyId", rsa},
		{"Encrypt", "KeyId", aes, "Plaintext", "SGVsbG8="},
		{"AsymmetricEncrypt", "KeyId", rsa, "KeyVersionId", version, "Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "SGVsbG8="},
		{"CreateKey", "KeySpec", "EC_SM2"},
	} {
		if _, err := s.answer(ctx, call[0], call[1:]...); err != nil {
			t.Errorf("%s: %v", call[0], err)
		}
	}
}

func TestACallerWhoLeavesGivesUpItsPlace(t *testing.T) {
	s := tested(t, 0)
	leave := s.occupy(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	for range 300 {
		go func() {
			_, err := s.answer(ctx, "CreateKey", "KeySpec", "RSA_3072")
			left <- err
		}()
	}
	cancel()
	for range 300 {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left is told %v", err)
		}
	}
	leave()
	s.create(t, "RSA_2048", "SIGN/VERIFY")
	if n := s.count(t); n != 1 {
		t.Errorf("there are %d keys, want the one of the caller that stayed", n)
	}
}

// TestNoKeyIsMadeForWhoHasLeft: not even where material lay ready.
func TestNoKeyIsMadeForWhoHasLeft(t *testing.T) {
	s := tested(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, spec := range []string{"RSA_2048", "EC_SM2"} {
		if _, err := s.answer(ctx, "CreateKey", "KeySpec", spec); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	if n := s.count(t); n != 0 {
		t.Errorf("there are %d keys", n)
	}
}
