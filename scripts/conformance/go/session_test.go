package conformance

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// signing is a way to sign that the SDK offers in its Config. Each goes through
// code of its own there, for answers too.
type signing struct {
	name      string
	version   string // SignatureVersion; "": the default
	algorithm string // SignatureAlgorithm; "": the default
}

var (
	signingV3    = signing{name: "V3"}
	signingV3SM3 = signing{name: "V3 with SM3", algorithm: "ACS3-HMAC-SM3"}
	signingV1    = signing{name: "V1", algorithm: "v2"} // sic
	signingV4    = signing{name: "V4", version: "v4"}
	signings     = []signing{signingV3, signingV3SM3, signingV1, signingV4}
)

// The AccessKey that is configured where signatures are to be verified.
const (
	accessKeyID     = "testid"
	accessKeySecret = "testsecret"
	credential      = accessKeyID + ":" + accessKeySecret
)

// The account and region of an alikms that is not told.
const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
	arn     = "acs:kms:" + region + ":" + account + ":"
)

// The SDKs under test, by their modules.
const (
	current       = alikms.Client("github.com/alibabacloud-go/kms-20160120/v3")
	classicClient = alikms.Client("github.com/aliyun/alibaba-cloud-sdk-go")
)

// session is a client of the v3 SDK in a test.
type session struct {
	*kms.Client
	t      *testing.T
	called map[string]bool // operations that have succeeded
}

// config is the SDK's configuration for an alikms, with the test's AccessKey.
func config(endpoint string, by signing) *openapi.Config {
	c := &openapi.Config{
		AccessKeyId:     new(accessKeyID),
		AccessKeySecret: new(accessKeySecret),
		RegionId:        new(region),
		Endpoint:        new(endpoint),
		Protocol:        new("HTTP"),
		ReadTimeout:     new(60_000), // without it the SDK waits for ever
	}
	if by.version != "" {
		c.SignatureVersion = new(by.version)
	}
	if by.algorithm != "" {
		c.SignatureAlgorithm = new(by.algorithm)
	}
	return c
}

func connect(t *testing.T, c *openapi.Config) *session {
	t.Helper()
	client, err := kms.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return &session{Client: client, t: t, called: map[string]bool{}}
}

// uuid is the form of request ids and version ids.
const uuid = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`

var uuidForm = regexp.MustCompile("^" + uuid + "$")

// call runs an operation that has to succeed, and checks what every answer has.
func call[In, Out any](s *session, operation func(*In) (*Out, error), in *In) *Out {
	s.t.Helper()
	name := strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Request")
	out, err := operation(in)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	s.checkAnswer(name, reflect.ValueOf(out).Elem())
	s.answered(name)
	return out
}

// answered counts an operation that has succeeded.
func (s *session) answered(operation string) {
	s.called[operation] = true
	current.Answered(operation)
}

// checkAnswer takes any response struct of the SDK.
func (s *session) checkAnswer(operation string, response reflect.Value) {
	s.t.Helper()
	if status := response.FieldByName("StatusCode").Interface().(*int32); tea.Int32Value(status) != 200 {
		s.t.Errorf("%s: status %d, want 200", operation, tea.Int32Value(status))
	}
	header := response.FieldByName("Headers").Interface().(map[string]*string)
	if got, want := tea.StringValue(header["content-type"]), "application/json;charset=utf-8"; got != want {
		s.t.Errorf("%s: content-type %q, want %q", operation, got, want)
	}
	id := tea.StringValue(response.FieldByName("Body").Elem().FieldByName("RequestId").Interface().(*string))
	if !uuidForm.MatchString(id) || id != tea.StringValue(header["x-acs-request-id"]) {
		s.t.Errorf("%s: RequestId %q, want a UUID, and the same as x-acs-request-id %q", operation, id, tea.StringValue(header["x-acs-request-id"]))
	}
}

// action is a request that the SDK has no function for, or lets a test bend.
type action struct {
	name     string
	version  string // "": the right one
	method   string // "": POST
	authType string // "": AK
	query    map[string]*string
	headers  map[string]*string // they replace those of the SDK, before it signs
}

// send is an action through the SDK's generic CallApi.
func (s *session) send(a action) error {
	or := func(value, otherwise string) *string {
		if value == "" {
			value = otherwise
		}
		return &value
	}
	params := &openapi.Params{
		Action:      new(a.name),
		Version:     or(a.version, "2016-01-20"),
		Protocol:    new("HTTP"),
		Pathname:    new("/"),
		Method:      or(a.method, "POST"),
		AuthType:    or(a.authType, "AK"),
		Style:       new("RPC"),
		ReqBodyType: new("formData"),
		BodyType:    new("json"),
	}
	request := &openapi.OpenApiRequest{Query: a.query, Headers: a.headers}
	_, err := s.CallApi(params, request, &dara.RuntimeOptions{})
	return err
}

// refusal is an error of the service as the SDK tells it.
type refusal struct {
	status  int
	code    string
	message string // without what the SDK puts around it
}

// sdkMessage is how the SDK tells the message of the service. With V4 (its
// alibabacloud-gateway-pop v0.0.6) the request id is the address of the string
// instead, when the answer has the header x-acs-request-id.
var sdkMessage = regexp.MustCompile(`(?s)^code: (\d+), (.*) request id: (?:0x[0-9a-f]+|(` + uuid + `))$`)

// bodyRequestID finds the request id in the body that comes with an error.
var bodyRequestID = regexp.MustCompile(`"RequestId":"(` + uuid + `)"`)

// refusalOf reads an error of the SDK. Its parts have to agree.
func refusalOf(t *testing.T, err error) refusal {
	t.Helper()
	var sdk *tea.SDKError
	if !errors.As(err, &sdk) {
		t.Fatalf("got error %v (%T), want an answer of the service", err, err)
	}
	parts := sdkMessage.FindStringSubmatch(tea.StringValue(sdk.Message))
	if parts == nil {
		t.Fatalf("message %q has not the form of a message of the service", tea.StringValue(sdk.Message))
	}
	r := refusal{tea.IntValue(sdk.StatusCode), tea.StringValue(sdk.Code), parts[2]}
	if parts[1] != strconv.Itoa(r.status) {
		t.Errorf("the message tells status %s, the error %d", parts[1], r.status)
	}
	id := bodyRequestID.FindStringSubmatch(tea.StringValue(sdk.Data))
	if id == nil || parts[3] != "" && parts[3] != id[1] {
		t.Errorf("the body %s lacks the request id %s", tea.StringValue(sdk.Data), parts[3])
	}
	current.Refused(r.code)
	return r
}

// mustRefuse says that err is the refusal wanted.
func mustRefuse(t *testing.T, err error, want refusal) {
	t.Helper()
	if err == nil {
		t.Fatalf("succeeded, want %d %s: %s", want.status, want.code, want.message)
	}
	if got := refusalOf(t, err); got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
}

// equal compares what an answer says with what it has to say.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func equalLists[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}
