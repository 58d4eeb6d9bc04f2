package conformance

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
)

// service is a KMS that the rows are asked of, and what has been made there. It
// takes whatever is answered: what differs is found later.
type service struct {
	context.Context // ends the calls, not what cleans up
	client          *session
	region          string
	budget          int // keys that may still be made
	rows            []row
	keys            []string          // ids of the keys made
	names           map[string]string // of these keys: the rows that made them
	aliases         []string
	secrets         []string
	made            func(keyID string) // told of each key at once
}

// row is a call and what came of it, in words that do not depend on who was
// asked: ids, dates and ciphertexts are named by what they are.
type row struct {
	name    string
	outcome []string // sorted
}

func serviceAt(ctx context.Context, c *openapi.Config, budget int, made func(string)) (*service, error) {
	client, err := kms.NewClient(c)
	return &service{Context: ctx, client: &session{Client: client}, region: tea.StringValue(c.RegionId), names: map[string]string{}, budget: budget, made: made}, err
}

// call asks for a row, and returns the answer, which is empty if there is none.
func (s *service) call(name, action string, in parameters) answer {
	if s.Err() != nil {
		return nil
	}
	out, err := s.answerTo(action, in)
	if codeOf(err) == "" { // without an answer it may have been done all the same
		s.remember(name, action, in, out)
	}
	s.rows = append(s.rows, row{name, s.outcome(out, err)})
	return out
}

// remember keeps what has to be taken back.
func (s *service) remember(row, action string, in parameters, out answer) {
	switch action {
	case "CreateAlias":
		s.aliases = append(s.aliases, fmt.Sprint(in["AliasName"]))
	case "CreateSecret":
		s.secrets = append(s.secrets, fmt.Sprint(in["SecretName"]))
	case "CreateKey":
		id := out.at("KeyMetadata").text("KeyId")
		if id != "" {
			s.keys, s.names[id] = append(s.keys, id), row
		}
		s.made(id)
	}
}

func (s *service) answerTo(action string, in parameters) (answer, error) {
	out, err := s.client.respond(action, in)
	if err != nil {
		return nil, err
	}
	return answerOf(out.FieldByName("Body").Interface())
}

// key creates a key, if there is budget for it. Without one, what is about it is
// left out.
func (s *service) key(name string, in parameters, about func(id string)) {
	if s.budget == 0 {
		s.rows = append(s.rows, row{name, []string{"left out: the budget of keys is used up"}})
		return
	}
	out := s.call(name, "CreateKey", in.and(parameters{"Description": "made by alikms's scripts/conformance/real; scheduled for deletion at its end"}))
	if id := out.at("KeyMetadata").text("KeyId"); id != "" {
		s.budget--
		about(id)
	}
}

// nameFor is a name for what belongs to a key, different in each run.
func nameFor(prefix, keyID string) string { return prefix + "-" + keyID[max(0, len(keyID)-8):] }

// clean takes back what the rows have made: aliases and secrets at once, keys in the shortest
// time that KMS has. It returns what is left.
func (s *service) clean() (left []string) {
	for _, alias := range s.aliases {
		_, err := s.answerTo("DeleteAlias", parameters{"AliasName": alias})
		if err != nil && codeOf(err) != "Forbidden.AliasNotFound" {
			left = append(left, fmt.Sprintf("%s: %v", alias, err))
		}
	}
	for _, secret := range s.secrets {
		_, err := s.answerTo("DeleteSecret", parameters{"SecretName": secret, "ForceDeleteWithoutRecovery": "true"})
		if err != nil && codeOf(err) != "Forbidden.ResourceNotFound" {
			left = append(left, fmt.Sprintf("%s: %v", secret, err))
		}
	}
	for _, id := range s.keys {
		out, err := s.answerTo("DescribeKey", parameters{"KeyId": id})
		if err == nil && out.at("KeyMetadata").text("KeyState") != "PendingDeletion" {
			_, err = s.answerTo("ScheduleKeyDeletion", parameters{"KeyId": id, "PendingWindowInDays": 7})
		}
		if err != nil {
			left = append(left, fmt.Sprintf("%s: %v", id, err))
		}
	}
	return left
}

func codeOf(err error) string {
	var refused *tea.SDKError
	if !errors.As(err, &refused) {
		return ""
	}
	return tea.StringValue(refused.Code)
}

// outcome says what was answered.
func (s *service) outcome(out answer, err error) []string {
	var refused *tea.SDKError
	switch {
	case errors.As(err, &refused):
		message := tea.StringValue(refused.Message)
		if parts := sdkMessage.FindStringSubmatch(message); parts != nil {
			message = parts[2]
		}
		return []string{fmt.Sprintf("%d %s: %s", tea.IntValue(refused.StatusCode), tea.StringValue(refused.Code), s.named(message))}
	case err != nil:
		return []string{"no answer: " + err.Error()}
	}
	delete(out, "RequestId")
	fields := s.fields("", map[string]any(out))
	slices.Sort(fields)
	return append([]string{"200"}, slices.Compact(fields)...)
}

// fields are the values of an answer, each with its path.
func (s *service) fields(path string, value any) (all []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			all = append(all, s.fields(strings.TrimPrefix(path+"."+name, "."), value[name])...)
		}
		return all
	case []any:
		for _, one := range value {
			all = append(all, s.fields(path+"[]", one)...)
		}
		return all
	case string:
		return []string{path + " = " + s.named(value)}
	}
	return []string{fmt.Sprintf("%s = %v", path, value)}
}

var (
	dateForm  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	uuidIn    = regexp.MustCompile(uuid)
	account16 = regexp.MustCompile(`\b\d{16}\b`)
	nameTail  = regexp.MustCompile(`\b(conformance)-[0-9a-z]{8}\b`)
)

// named replaces what differs from run to run by what it is.
func (s *service) named(text string) string {
	for id, name := range s.names {
		text = strings.ReplaceAll(text, id, "(that of: "+name+")")
	}
	if strings.HasPrefix(text, "-----BEGIN PUBLIC KEY-----\n") {
		return fmt.Sprintf("(PEM, %d bytes)", len(text))
	}
	if data, err := base64.StdEncoding.DecodeString(text); err == nil && len(text) >= 24 && len(text)%4 == 0 {
		if len(data) >= 68 && len(data) <= 72 {
			return "(base64 of 68 to 72 bytes)" // a signature in DER is of some length in between
		}
		return fmt.Sprintf("(base64 of %d bytes)", len(data))
	}
	for form, name := range map[*regexp.Regexp]string{dateForm: "(date)", uuidIn: "(uuid)", account16: "(account)", nameTail: "$1"} {
		text = form.ReplaceAllString(text, name)
	}
	return text
}

// difference is a row that was not answered alike.
type difference struct{ name, real, ours string }

// compare finds the rows that differ, and in each of them what does.
func compare(real, ours *service) (all []difference) {
	answers := map[string][]string{}
	for _, r := range ours.rows {
		answers[r.name] = r.outcome
	}
	reached := map[string]bool{}
	for _, r := range real.rows {
		reached[r.name] = true
		mine, asked := answers[r.name]
		if !asked {
			mine = []string{"not reached"}
		}
		if !slices.Equal(r.outcome, mine) {
			all = append(all, difference{r.name, without(r.outcome, mine), without(mine, r.outcome)})
		}
	}
	for _, r := range ours.rows {
		if !reached[r.name] {
			all = append(all, difference{r.name, "not reached", strings.Join(r.outcome, "; ")})
		}
	}
	return all
}

// without is what one list has and the other lacks.
func without(these, those []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(these), func(one string) bool { return slices.Contains(those, one) }), "; ")
}
