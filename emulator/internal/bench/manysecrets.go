package main

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// The table of many secrets.
const (
	manySecrets    = "10,000 secrets with 3 versions beside 10"
	readSecretRow  = "GetSecretValue among 10,000 secrets"
	secretPageRow  = "ListSecrets, a page of 10,000 secrets"
	restSecretsRow = "10,000 secrets, existing folder"
)

var manySecretsRows = []manyRow{
	{readSecretRow, 16, func(secrets []testKey) map[string]string {
		return params("Action", "GetSecretValue", "SecretName", secrets[len(secrets)/2].secretName())
	}},
	{secretPageRow, 1, always("Action", "ListSecrets")},
	{"ListSecrets, the last page of 10,000 secrets", 1, func(secrets []testKey) map[string]string {
		return params("Action", "ListSecrets", "PageNumber", strconv.Itoa(len(secrets)/10))
	}},
	{"ListSecrets, 10,000 secrets filtered by name", 1, func(secrets []testKey) map[string]string {
		return params("Action", "ListSecrets", "Filters", fmt.Sprintf(`[{"Key":"SecretName","Values":[%q]}]`, secrets[0].secretName()))
	}},
}

// measureManySecrets compares a server of many secrets with one of few. They are
// all under one key, as those of an account that names none.
func (b *bench) measureManySecrets() error {
	rows := b.wanted(manySecretsRows)
	if len(rows) == 0 && !b.wants(restSecretsRow+withThem) {
		return nil
	}
	c := crowd{"secrets", manySecrets, restSecretsRow, map[int]string{}, map[int][]testKey{}}
	for _, count := range []int{few, many} {
		for i := range count {
			c.keys[count] = append(c.keys[count], testKey{ID: fmt.Sprintf("%05d", i)})
		}
		c.scenarios[count] = filepath.Join(b.folder, fmt.Sprintf("secrets-%d.yaml", count))
		if err := writeSecrets(c.scenarios[count], c.keys[count], 3); err != nil {
			return err
		}
	}
	return b.measureMany(rows, c)
}
