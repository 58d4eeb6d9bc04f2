package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	classic "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"

	"github.com/alikms/alikms/scripts/conformance/alikms"
)

// parameters are those of a call, named as on the wire.
type parameters map[string]any

// and is the parameters with others besides.
func (p parameters) and(more parameters) parameters {
	all := parameters{}
	for _, some := range []parameters{p, more} {
		for name, value := range some {
			all[name] = value
		}
	}
	return all
}

// answer is what an SDK makes of one, named as on the wire.
type answer map[string]any

// at goes down into an answer.
func (a answer) at(path ...string) answer {
	for _, name := range path {
		below, _ := a[name].(map[string]any)
		a = below
	}
	return a
}

func (a answer) text(name string) string {
	text, _ := a[name].(string)
	return text
}

// list is an array of objects.
func (a answer) list(name string) (all []answer) {
	array, _ := a[name].([]any)
	for _, one := range array {
		all = append(all, one.(map[string]any))
	}
	return all
}

// officialSDK is one of the official SDKs. ask fills the SDK's own request, calls the
// SDK's function for the action, and reads the SDK's own response; a parameter
// that the request lacks is an error.
type officialSDK interface {
	ask(action string, in parameters) (answer, error)
	refusalOf(t *testing.T, err error) refusal
	client() alikms.Client
}

// conversation is what a test and an alikms say to each other, by an SDK.
type conversation struct {
	t        *testing.T
	sdk      officialSDK
	endpoint string
	called   map[string]bool // operations that have succeeded
	intruder officialSDK     // may do nothing; nil: nobody tries
}

// call is a call that has to succeed.
func (c *conversation) call(action string, in parameters) answer {
	c.t.Helper()
	if c.intruder != nil {
		c.mustForbid(action, in)
	}
	out, err := c.sdk.ask(action, in)
	if err != nil {
		c.t.Fatalf("%s: %v", action, err)
	}
	c.called[action] = true
	c.sdk.client().Answered(action)
	return out
}

var forbidden = regexp.MustCompile(`^This operation for acs:kms:\S+ is forbidden by permission system\.$`)

// mustForbid makes a call by a caller who may do nothing. DescribeRegions alone
// asks for no permission (the vendor's page "Use RAM to control access to KMS
// resources"), and BatchGetSecretValue is refused each secret by itself.
func (c *conversation) mustForbid(action string, in parameters) {
	c.t.Helper()
	out, err := c.intruder.ask(action, in)
	if action == "DescribeRegions" || action == "BatchGetSecretValue" {
		if err != nil || len(out.list("SecretValues")) > 0 {
			c.t.Errorf("%s without permission: %v %v", action, out, err)
		}
		return
	}
	got := c.intruder.refusalOf(c.t, err)
	if got.status != 403 || got.code != "Forbidden.NoPermission" || !forbidden.MatchString(got.message) {
		c.t.Errorf("%s without permission: got %+v", action, got)
	}
}

// refuse is a call that has to be refused.
func (c *conversation) refuse(want refusal, action string, in parameters) {
	c.t.Helper()
	_, err := c.sdk.ask(action, in)
	if err == nil {
		c.t.Errorf("%s succeeded, want %+v", action, want)
		return
	}
	if got := c.sdk.refusalOf(c.t, err); got != want {
		c.t.Errorf("%s\ngot  %+v\nwant %+v", action, got, want)
	}
}

// converse is a conversation by the v3 SDK.
func (s *session) converse(endpoint string) *conversation {
	return &conversation{t: s.t, sdk: s, endpoint: endpoint, called: s.called}
}

func (s *session) refusalOf(t *testing.T, err error) refusal { return refusalOf(t, err) }

func (*session) client() alikms.Client { return current }

func (s *session) ask(action string, in parameters) (answer, error) {
	if !reflect.ValueOf(s.Client).MethodByName(action).IsValid() {
		return s.askGenerically(action, in)
	}
	out, err := s.respond(action, in)
	if err != nil {
		return nil, err
	}
	s.checkAnswer(action, out)
	return answerOf(out.FieldByName("Body").Interface())
}

// respond calls the SDK's function for an action, and returns the struct that it
// answers.
func (s *session) respond(action string, in parameters) (out reflect.Value, err error) {
	method := reflect.ValueOf(s.Client).MethodByName(action)
	if !method.IsValid() {
		return out, fmt.Errorf("the SDK has no %s", action)
	}
	var arguments []reflect.Value
	if method.Type().NumIn() == 1 {
		request := reflect.New(method.Type().In(0).Elem())
		if err := fill(request.Interface(), in); err != nil {
			return out, err
		}
		arguments = append(arguments, request)
	}
	returned := method.Call(arguments)
	if err, _ := returned[1].Interface().(error); err != nil {
		return out, err
	}
	return returned[0].Elem(), nil
}

// askGenerically makes a call that the SDK has no function for, as it has none for
// BatchGetSecretValue: its generic call takes any.
func (s *session) askGenerically(action string, in parameters) (answer, error) {
	query := map[string]*string{}
	for name, value := range in {
		query[name] = tea.String(fmt.Sprint(value))
	}
	out, err := s.CallApi(&openapi.Params{
		Action: &action, Version: tea.String("2016-01-20"), Protocol: tea.String("HTTP"), Pathname: tea.String("/"), Method: tea.String("POST"),
		AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openapi.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	return answerOf(out["body"])
}

// fill writes parameters into a request of an SDK, which must have them all.
func fill(request any, in parameters) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(request)
}

func answerOf(body any) (out answer, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(text, &out)
}

// classicSDK is the classic SDK.
type classicSDK struct {
	*classic.Client
	endpoint string
}

func (classicSDK) client() alikms.Client { return classicClient }

func (c classicSDK) refusalOf(t *testing.T, err error) refusal {
	t.Helper()
	got, _ := classicRefusal(t, c.endpoint, err)
	return got
}

// ask makes the request as the SDK's Create…Request function does.
func (c classicSDK) ask(action string, in parameters) (answer, error) {
	method := reflect.ValueOf(c.Client).MethodByName(action)
	if !method.IsValid() {
		return c.askGenerically(action, in)
	}
	request := reflect.New(method.Type().In(0).Elem())
	rpc := &requests.RpcRequest{}
	request.Elem().FieldByName("RpcRequest").Set(reflect.ValueOf(rpc))
	rpc.InitWithApiInfo("Kms", "2016-01-20", action, "kms", "openAPI")
	rpc.Method = requests.POST
	if err := fill(request.Interface(), asTexts(in)); err != nil {
		return nil, err
	}
	out := method.Call([]reflect.Value{request})
	if err, _ := out[1].Interface().(error); err != nil {
		return nil, err
	}
	return answerOf(out[0].Interface())
}

// askGenerically makes a call that the SDK has no function for.
func (c classicSDK) askGenerically(action string, in parameters) (out answer, err error) {
	request := requests.NewCommonRequest()
	request.Scheme, request.Domain, request.Method, request.Version, request.ApiName = requests.HTTP, c.endpoint, requests.POST, "2016-01-20", action
	for name, value := range in {
		request.QueryParams[name] = fmt.Sprint(value)
	}
	response, err := c.ProcessCommonRequest(request)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(response.GetHttpContentBytes(), &out)
}

// asTexts writes values as the requests of the classic SDK hold them: numbers
// and truth values as texts, objects as JSON.
func asTexts(in parameters) parameters {
	texts := parameters{}
	for name, value := range in {
		switch value.(type) {
		case string, []string, []parameters:
			texts[name] = value
		default:
			text, _ := json.Marshal(value)
			texts[name] = string(text)
		}
	}
	return texts
}

func TestTheClassicSDKHoldsEveryConversation(t *testing.T) {
	called := map[string]bool{}
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			endpoint := startScenario(t, instanceScenario, "--credential", credential)
			sdk := classicSDK{connectClassic(t, endpoint, accessKeyID, accessKeySecret), endpoint}
			topic.hold(&conversation{t: t, sdk: sdk, endpoint: endpoint, called: called})
		})
	}
	mustCoverOperations(t, called)
}

func TestACallerWithoutPermissionIsRefusedEveryOperation(t *testing.T) {
	called := map[string]bool{}
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			endpoint := startScenario(t, instanceScenario+intruderScenario)
			s := connect(t, config(endpoint, signingV3))
			c := s.converse(endpoint)
			c.called = called
			c.intruder = connect(t, as(config(endpoint, signingV3), "intruder", "other-secret", ""))
			topic.hold(c)
		})
	}
	mustCoverOperations(t, called)
}

// mustCoverOperations finds operations of the binary that no test has called.
func mustCoverOperations(t *testing.T, called map[string]bool) {
	t.Helper()
	for _, name := range alikms.Operations(t) {
		if !called[name] {
			t.Errorf("%s was not called successfully: a test is missing or has failed", name)
		}
	}
}
