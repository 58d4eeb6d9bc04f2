package kms

import (
	"reflect"
	"testing"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// Every kind of parameter there is, with every tag.
type everyKind struct {
	pageRequest
	Name   keyName `required:"true" names:"alias arn"`
	IDOnly keyName
	Bytes  []byte `required:"true"`
	Sent   string `required:"sent" max:"3"`
	Choice string `oneof:"a b" default:"b"`
	Flag   bool
	List   []tag `max:"2"`
}

func TestParametersAreFilledAsTheirTagsSay(t *testing.T) {
	right := map[string]string{"Name": "alias/a", "Bytes": "AQI=", "Sent": ""}
	with := func(name, value string) map[string]string {
		sent := map[string]string{name: value}
		for n, v := range right {
			if n != name {
				sent[n] = v
			}
		}
		return sent
	}
	for _, c := range []struct {
		sent map[string]string
		want func(*everyKind)
		err  *kmserr.Error
	}{
		{right, func(*everyKind) {}, nil},
		{with("PageSize", "100"), func(k *everyKind) { k.PageSize = 100 }, nil},
		{with("PageSize", ""), func(*everyKind) {}, nil},
		{with("PageSize", "0"), nil, kmserr.InvalidParameter("PageSize")},
		{with("PageSize", "101"), nil, kmserr.InvalidParameter("PageSize")},
		{with("PageSize", "1.5"), nil, kmserr.InvalidParameter("PageSize")},
		{with("PageSize", " 1"), nil, kmserr.InvalidParameter("PageSize")},
		{with("PageNumber", "-1"), nil, kmserr.InvalidParameter("PageNumber")},
		{with("PageNumber", "2147483648"), nil, kmserr.InvalidParameter("PageNumber")},
		{with("Name", ""), nil, kmserr.MissingParameter("Name")},
		{with("Name", "acs:kms:r:a:key/k"), func(k *everyKind) {
			k.Name = keyName{id: "k", arn: true, scope: store.Scope{Region: "r", Account: "a"}}
		}, nil},
		{with("IDOnly", "k"), func(k *everyKind) { k.IDOnly = keyName{id: "k"} }, nil},
		{with("IDOnly", "alias/a"), nil, kmserr.AliasNotAllowed},
		{with("IDOnly", "acs:kms:r:a:alias/a"), nil, kmserr.AliasNotAllowed},
		{with("IDOnly", "acs:kms:r:a:key/k"), func(k *everyKind) { k.IDOnly = keyName{id: "acs:kms:r:a:key/k"} }, nil},
		{with("Bytes", ""), nil, kmserr.MissingParameter("Bytes")},
		{with("Bytes", "\r\n"), nil, kmserr.MissingParameter("Bytes")}, // empty when decoded
		{with("Bytes", "A\r\nQI=\n"), func(*everyKind) {}, nil},
		{with("Bytes", "AQI"), nil, kmserr.InvalidParameter("Bytes")},
		{with("Sent", "äöü"), func(k *everyKind) { k.Sent = "äöü" }, nil},
		{with("Sent", "four"), nil, kmserr.InvalidParameter("Sent")},
		{with("Choice", "a"), func(k *everyKind) { k.Choice = "a" }, nil},
		{with("Choice", "A"), nil, kmserr.InvalidParameter("Choice")},
		{with("Flag", "True"), func(k *everyKind) { k.Flag = true }, nil},
		{with("Flag", "false"), func(*everyKind) {}, nil},
		{with("Flag", "yes"), nil, kmserr.InvalidParameter("Flag")},
		{with("List", `[{"TagKey":"k","TagValue":"v"}]`), func(k *everyKind) { k.List = []tag{{"k", "v"}} }, nil},
		{with("List", `[{},{},{}]`), nil, kmserr.InvalidParameter("List")},
		{with("List", `{"TagKey":"k"}`), nil, kmserr.InvalidParameter("List")},
		{with("List", `[`), nil, kmserr.InvalidParameter("List")},
		{with("Unknown", "x"), func(*everyKind) {}, nil},
		{map[string]string{"Name": "alias/a", "Bytes": "AQI="}, nil, kmserr.MissingParameter("Sent")},
		{map[string]string{}, nil, kmserr.MissingParameter("Name")}, // in the order of the struct
	} {
		got := everyKind{}
		err := fill(reflect.ValueOf(&got).Elem(), parametersOf(reflect.TypeFor[everyKind]()), c.sent)
		if c.err != nil {
			if !reflect.DeepEqual(err, c.err) {
				t.Errorf("%v: %v, want %v", c.sent, err, c.err)
			}
			continue
		}
		want := everyKind{pageRequest{1, 10}, keyName{alias: "alias/a"}, keyName{}, []byte{1, 2}, "", "b", false, nil}
		c.want(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v %+v, want %+v", c.sent, err, got, want)
		}
	}
}

func TestATagThatMakesNoSenseIsFoundAtTheStart(t *testing.T) {
	for what, request := range map[string]reflect.Type{
		"a bound that is no number": reflect.TypeFor[struct {
			Size int `max:"ten"`
		}](),
		"a tag that nobody reads": reflect.TypeFor[struct {
			KeyId string `requird:"true"`
		}](),
		"a default beside required": reflect.TypeFor[struct {
			KeyId string `required:"true" default:"x"`
		}](),
	} {
		if !panics(func() { parametersOf(request) }) {
			t.Errorf("%s is taken", what)
		}
	}
}

func panics(do func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	do()
	return false
}
