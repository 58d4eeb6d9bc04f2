package store

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

func dumpSecrets(tx *Tx, s Scope, say func(any, error)) {
	due, err := tx.DueSecrets(s, at(1e6))
	say(due, err)
	for secret, err := range tx.Secrets(s) {
		say(secret, err)
		versions, err := tx.SecretVersionsPage(s, secret.Name, 0, math.MaxInt)
		say(versions, err)
		for _, v := range versions {
			value, err := tx.SecretValue(s, secret.Name, v.ID)
			say(value, err)
		}
	}
}

func newSecret(name string, n int) Secret {
	return Secret{Scope: scope, Name: name, Type: "Generic", CreationDate: at(n), UpdateDate: at(n)}
}

func insertSecretVersion(tx *Tx, name, id string, n int) error {
	return tx.InsertSecretVersion(SecretVersion{Scope: scope, SecretName: name, ID: id, CreationDate: at(n), DataType: "text"}, []byte("value "+id))
}

// fillSecrets adds secrets with slashes in their names, each with three versions.
func fillSecrets(t testing.TB, st *Store, n int) {
	t.Helper()
	update(t, st, func(tx *Tx) (err error) {
		for i := range n {
			secret := newSecret(fmt.Sprintf("app/db %03d", i), i%7)
			if i%3 == 0 {
				secret.DeleteDate = at(i + 100)
			}
			err = cmp.Or(err, tx.InsertSecret(secret))
			for v := range 3 {
				err = cmp.Or(err, insertSecretVersion(tx, secret.Name, fmt.Sprintf("v/%d", v), i))
			}
			secret.Stages = map[string]string{"ACSCurrent": "v/2", "ACSPrevious": "v/1"}
			err = cmp.Or(err, tx.UpdateSecret(secret))
		}
		return err
	})
}

func secretNames(secrets []Secret) (names []string) {
	for _, s := range secrets {
		names = append(names, s.Name)
	}
	return names
}

func TestSecretsAreKeptInOrder(t *testing.T) {
	st := newStore(t)
	fillSecrets(t, st, 9)
	page := func(skip, limit int, hidden ...string) string {
		hide := map[string]bool{}
		for _, name := range hidden {
			hide[name] = true
		}
		return strings.Join(look(t, st, func(tx *Tx) ([]string, error) {
			secrets, err := tx.SecretsPage(scope, skip, limit, hide)
			return secretNames(secrets), err
		}), " ")
	}
	if got, want := page(0, 3), "app/db 000 app/db 007 app/db 001"; got != want {
		t.Errorf("the first page is %s, want %s", got, want)
	}
	if got, want := page(1, 2, "app/db 000"), "app/db 001 app/db 008"; got != want {
		t.Errorf("with a hidden one it is %s, want %s", got, want)
	}
	due := look(t, st, func(tx *Tx) ([]string, error) { return tx.DueSecrets(scope, at(103)) })
	if got, want := strings.Join(due, " "), "app/db 000 app/db 003"; got != want {
		t.Errorf("due are %s, want %s", got, want)
	}
	counts := look(t, st, func(tx *Tx) (Counts, error) { return tx.Counts(scope) })
	if counts != (Counts{Secrets: 9, SecretVersions: 27}) {
		t.Errorf("the counts are %+v", counts)
	}
}

func TestVersionsOfASecretGoWithTheirStages(t *testing.T) {
	st := newStore(t)
	fillSecrets(t, st, 1)
	const name = "app/db 000"
	update(t, st, func(tx *Tx) error { return tx.DeleteSecretVersion(scope, name, "v/1") })
	secret := look(t, st, func(tx *Tx) (Secret, error) { return tx.Secret(scope, name) })
	if secret.Versions != 2 || len(secret.Stages) != 1 || secret.Stages["ACSCurrent"] != "v/2" {
		t.Errorf("the secret is %+v", secret)
	}
	// A number that was given is not given again: the order stays.
	update(t, st, func(tx *Tx) error {
		return cmp.Or(tx.DeleteSecretVersion(scope, name, "v/2"), insertSecretVersion(tx, name, "v/1", 0))
	})
	versions := look(t, st, func(tx *Tx) ([]SecretVersion, error) { return tx.SecretVersionsPage(scope, name, 0, 9) })
	if len(versions) != 2 || versions[0].ID != "v/1" || versions[0].Number != 4 {
		t.Errorf("the versions are %+v", versions)
	}
	update(t, st, func(tx *Tx) error { return tx.DeleteSecret(scope, name) })
	if got := dump(t, st); !strings.HasPrefix(got, "true\n") {
		t.Errorf("a deleted secret leaves %s", got)
	}
}

func TestSecretsRefuseWhatIsThereAndWhatIsNot(t *testing.T) {
	st := newStore(t)
	fillSecrets(t, st, 1)
	const name = "app/db 000"
	before := dump(t, st)
	for what, c := range map[string]struct {
		change func(*Tx) error
		want   error
	}{
		"the name again":         {func(tx *Tx) error { return tx.InsertSecret(newSecret(name, 1)) }, ErrExists},
		"the version again":      {func(tx *Tx) error { return insertSecretVersion(tx, name, "v/1", 1) }, ErrExists},
		"a version of none":      {func(tx *Tx) error { return insertSecretVersion(tx, "none", "v/1", 1) }, ErrNotFound},
		"to update none":         {func(tx *Tx) error { return tx.UpdateSecret(newSecret("none", 1)) }, ErrNotFound},
		"to delete none":         {func(tx *Tx) error { return tx.DeleteSecret(scope, "none") }, ErrNotFound},
		"to delete no version":   {func(tx *Tx) error { return tx.DeleteSecretVersion(scope, name, "none") }, ErrNotFound},
		"to read no value":       {func(tx *Tx) error { _, err := tx.SecretValue(scope, name, "none"); return err }, ErrNotFound},
		"to read no version":     {func(tx *Tx) error { _, err := tx.SecretVersion(scope, name, "none"); return err }, ErrNotFound},
		"to read another's name": {func(tx *Tx) error { _, err := tx.Secret(Scope{"1", "r"}, name); return err }, ErrNotFound},
	} {
		if err := st.Update(c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if after := dump(t, st); after != before {
		t.Errorf("refused changes changed the store:\n%s\nbefore:\n%s", after, before)
	}
}

func TestOpenComparesSecrets(t *testing.T) {
	name, v := newSecret("app/db 000", 0), SecretVersion{Scope: scope, SecretName: "app/db 000", ID: "v/0"}
	const other = "app/db 001"
	for what, c := range map[string]struct {
		change func(*Tx) error
		text   string
	}{
		"value lost": {func(tx *Tx) error { return tx.remove(bucketSecretValues, v.key()) },
			"record \"" + v.key() + "\" of secret-versions is damaged: it is missing"},
		"version lost": {func(tx *Tx) error { return tx.remove(bucketSecretVersions, v.key()) },
			"record \"" + name.key() + "\" of secrets is damaged: versions of it are missing"},
		"secret lost": {func(tx *Tx) error { return tx.remove(bucketSecrets, name.key()) },
			"record \"" + v.key() + "\" of secret-versions is damaged: it does not agree with its secret"},
		"stage of nothing": {func(tx *Tx) error {
			s, err := tx.Secret(scope, other)
			s.Stages["mine"] = "none"
			return cmp.Or(err, tx.UpdateSecret(s))
		}, "record \"" + scope.key(other) + "\" of secrets is damaged: versions of it are missing"},
		"value of nothing": {func(tx *Tx) error { return tx.put(bucketSecretValues, scope.key("x", "y"), nil) },
			"bucket secret-values has 7 records instead of 6"},
		"date lost": {func(tx *Tx) error { return tx.removeEntries(name.index()[:1]) },
			"record \"" + name.index()[0].key + "\" of secrets-by-date is damaged: it is missing"},
	} {
		t.Run(what, func(t *testing.T) {
			st := newStore(t)
			fillSecrets(t, st, 2)
			path := st.file.path
			if err := st.Update(c.change); err != nil {
				t.Fatal(err)
			}
			st.Close()
			_, err := Open(path, Options{})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "is damaged ("+c.text+")") {
				t.Errorf("got  %v\nwant %s", err, c.text)
			}
		})
	}
}

func TestARememberedSecretIsTheCallersOwn(t *testing.T) {
	st := newStore(t)
	fillSecrets(t, st, 1)
	for range 3 {
		secret := look(t, st, func(tx *Tx) (Secret, error) { return tx.Secret(scope, "app/db 000") })
		if len(secret.Stages) != 2 {
			t.Errorf("the stages are %v", secret.Stages)
		}
		secret.Stages["mine"] = "v/1"
	}
}
