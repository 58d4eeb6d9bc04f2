package kms

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/fixtures"
	"github.com/alikms/alikms/store"
)

var secretVersionOperations = []Operation{
	read("ListSecretVersionIds", "Lists the versions of a secret, newest first.", listSecretVersionIDs).quota(groupSecrets),
	write("UpdateSecretVersionStage", "Moves a stage from one version of a secret to another.", updateSecretVersionStage).quota(groupSecrets),
}

// The stages that KMS moves itself. They are never removed, only moved.
const (
	StageCurrent  = "ACSCurrent"
	StagePrevious = "ACSPrevious"
)

// stageList is a list of stages, as JSON in a parameter.
type stageList []string

// UnmarshalText refuses what is no list of stages.
func (l *stageList) UnmarshalText(text []byte) error {
	if err := json.Unmarshal(text, (*[]string)(l)); err != nil {
		return err
	}
	if slices.ContainsFunc(*l, func(stage string) bool { return !validStage(stage) }) {
		return errors.New("one is no stage")
	}
	return nil
}

func validStage(stage string) bool {
	n := utf8.RuneCountInString(stage)
	return n > 0 && n <= fixtures.MaxSecretLabel
}

// stagesOf are the stages of a version, as answers have them.
func stagesOf(secret store.Secret, versionID string) versionStages {
	return versionStages{StagesOf(secret, versionID)}
}

// StagesOf are the stages of a version, sorted; empty, not nil, where it has none.
func StagesOf(secret store.Secret, versionID string) []string {
	all := []string{}
	for stage, marked := range secret.Stages {
		if marked == versionID {
			all = append(all, stage)
		}
	}
	slices.Sort(all)
	return all
}

// moveStage gives a version a stage, and takes it from the version that has it.
// What was the current version is the previous one then.
func moveStage(stages map[string]string, stage, versionID string) {
	before, marked := stages[stage]
	if before == versionID {
		return
	}
	if stage == StageCurrent && marked {
		stages[StagePrevious] = before
	}
	stages[stage] = versionID
}

// moveStages moves several stages to a version. The current one is moved first: a
// list that has the previous one too means it.
func moveStages(secret *store.Secret, stages []string, versionID string) error {
	if secret.Stages == nil {
		secret.Stages = map[string]string{}
	}
	if slices.Contains(stages, StageCurrent) {
		moveStage(secret.Stages, StageCurrent, versionID)
	}
	for _, stage := range stages {
		moveStage(secret.Stages, stage, versionID)
	}
	if len(secret.Stages) > fixtures.MaxSecretStages {
		return kmserr.SecretLimitExceeded // our choice: the error is not documented
	}
	return nil
}

// AddSecretVersion gives a secret its newest version, with a value that is
// encrypted with a key, and stages. Of too many versions the oldest without a
// stage goes.
func AddSecretVersion(tx *store.Tx, key store.Key, v store.SecretVersion, value string, stages []string) (store.Secret, error) {
	sealed, err := SealValue(tx, key, v, value)
	if err != nil {
		return store.Secret{}, err
	}
	if err := tx.InsertSecretVersion(v, sealed); err != nil {
		return store.Secret{}, err
	}
	secret, err := tx.Secret(v.Scope, v.SecretName)
	if err != nil {
		return secret, err
	}
	if err := moveStages(&secret, stages, v.ID); err != nil {
		return secret, err
	}
	if err := tx.UpdateSecret(secret); err != nil {
		return secret, err
	}
	return secret, evictVersions(tx, secret)
}

func evictVersions(tx *store.Tx, secret store.Secret) error {
	if secret.Versions <= fixtures.MaxSecretVersions {
		return nil
	}
	versions, err := tx.SecretVersionsPage(secret.Scope, secret.Name, 0, math.MaxInt)
	for _, v := range slices.Backward(versions) {
		if len(StagesOf(secret, v.ID)) == 0 {
			return tx.DeleteSecretVersion(v.Scope, v.SecretName, v.ID)
		}
	}
	return err
}

type listSecretVersionIDsRequest struct {
	SecretName        secretName `required:"true" names:"arn"`
	IncludeDeprecated bool
	PageNumber        int `default:"1" min:"1"`
	PageSize          int `default:"20" min:"1" max:"100"`
}

type listSecretVersionIDsResponse struct {
	SecretName string
	VersionIds struct{ VersionId []listedSecretVersion }
	page
}

type listedSecretVersion struct {
	VersionId     string
	CreateTime    string
	VersionStages versionStages
}

// listSecretVersionIDs leaves out the versions without a stage, which are
// deprecated, unless they are asked for.
func listSecretVersionIDs(tx *transaction, in *listSecretVersionIDsRequest) (*listSecretVersionIDsResponse, error) {
	secret, err := tx.liveSecret(in.SecretName)
	if err != nil {
		return nil, err
	}
	versions, err := tx.store.SecretVersionsPage(secret.Scope, secret.Name, 0, math.MaxInt) // they are ten at most
	all := []listedSecretVersion{}
	for _, v := range versions {
		stages := stagesOf(secret, v.ID)
		if in.IncludeDeprecated || len(stages.VersionStage) > 0 {
			all = append(all, listedSecretVersion{v.ID, wireTime(v.CreationDate), stages})
		}
	}
	asked := pageRequest{in.PageNumber, in.PageSize}
	out := &listSecretVersionIDsResponse{SecretName: secret.Name, page: asked.of(len(all))}
	from := min(asked.skip(), len(all))
	out.VersionIds.VersionId = all[from:min(from+in.PageSize, len(all))]
	return out, err
}

type updateSecretVersionStageRequest struct {
	SecretName        secretName `required:"true" names:"arn"`
	VersionStage      string     `required:"true" max:"64"`
	MoveToVersion     string
	RemoveFromVersion string
}

func updateSecretVersionStage(tx *transaction, in *updateSecretVersionStageRequest) (*secretNameResponse, error) {
	reserved := in.VersionStage == StageCurrent || in.VersionStage == StagePrevious
	if in.MoveToVersion == "" && (reserved || in.RemoveFromVersion == "") {
		return nil, kmserr.MissingParameter("MoveToVersion")
	}
	secret, err := tx.liveSecret(in.SecretName)
	if err != nil {
		return nil, err
	}
	for _, id := range []string{in.MoveToVersion, in.RemoveFromVersion} {
		if id == "" {
			continue
		}
		if _, err := tx.secretVersion(secret, id, ""); err != nil {
			return nil, err
		}
	}
	if in.RemoveFromVersion != "" && secret.Stages[in.VersionStage] != in.RemoveFromVersion {
		return nil, kmserr.InvalidParameter("RemoveFromVersion")
	}
	if in.MoveToVersion == "" {
		delete(secret.Stages, in.VersionStage)
	} else if err := moveStages(&secret, []string{in.VersionStage}, in.MoveToVersion); err != nil {
		return nil, err
	}
	return &secretNameResponse{secret.Name}, tx.saveSecret(secret)
}
