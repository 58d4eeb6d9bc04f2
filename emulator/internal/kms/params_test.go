package kms

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/store"
)

// Every kind of parameter there is, with every tag.
type everyKind struct {
	pageRequest
	Name    keyName `required:"true" names:"alias arn"`
	IDOnly  keyName
	Bytes   []byte `required:"true"`
	Sent    string `required:"sent" max:"3"`
	Choice  string `oneof:"a b" default:"b"`
	Flag    bool
	List    []tag        `max:"2"`
	Names   []keyName    `repeat:"true" max:"20"`
	Pairs   []requestTag `repeat:"true" max:"2"`
	Lacking string       `emulated:"no"`
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
		{with("Names.1", "k"), func(k *everyKind) { k.Names = []keyName{{id: "k"}} }, nil},
		{with("Names.20", "k"), func(k *everyKind) { k.Names = []keyName{{id: "k"}} }, nil},
		{with("Names.1", "alias/a"), nil, kmserr.AliasNotAllowed},
		{with("Names.1", ""), func(*everyKind) {}, nil},
		{with("Names.x", ""), func(*everyKind) {}, nil},
		{with("Names.1.Key", "k"), func(*everyKind) {}, nil}, // like any parameter that is not there
		{with("Names", "k"), nil, kmserr.InvalidParameter("Names")},
		{with("Names.", "k"), nil, kmserr.InvalidParameter("Names.")},
		{with("Names.x", "k"), nil, kmserr.InvalidParameter("Names.x")},
		{with("Names.0", "k"), nil, kmserr.InvalidParameter("Names.0")},
		{with("Names.-1", "k"), nil, kmserr.InvalidParameter("Names.-1")},
		{with("Names.+1", "k"), nil, kmserr.InvalidParameter("Names.+1")},
		{with("Names.01", "k"), nil, kmserr.InvalidParameter("Names.01")},
		{with("Names.21", "k"), nil, kmserr.InvalidParameter("Names.21")},
		{with("Names.99999999999999999999", "k"), nil, kmserr.InvalidParameter("Names.99999999999999999999")},
		{with("Pairs.2.Key", "k"), func(k *everyKind) { k.Pairs = []requestTag{{"k", ""}} }, nil},
		{with("Pairs.2.Value", "v"), nil, kmserr.MissingParameter("Pairs.2.Key")},
		{with("Pairs.3.Key", "k"), nil, kmserr.InvalidParameter("Pairs.3.Key")},
		{with("Pairs.x.Key", "k"), nil, kmserr.InvalidParameter("Pairs.x.Key")},
		{with("Pairs.1.Colour", "red"), func(*everyKind) {}, nil},
		{with("Pairs.1", "k"), func(*everyKind) {}, nil},
		{with("Pairs.1.Key.1", "k"), func(*everyKind) {}, nil},
		{with("Lacking", "x"), nil, kmserr.NotEmulated("the parameter Lacking")},
		{with("Lacking", ""), func(*everyKind) {}, nil},
		{with("Unknown", "x"), func(*everyKind) {}, nil},
		{map[string]string{"Name": "alias/a", "Bytes": "AQI="}, nil, kmserr.MissingParameter("Sent")},
		{map[string]string{}, nil, kmserr.MissingParameter("Name")}, // in the order of the struct
	} {
		got, err := filled[everyKind](c.sent)
		if c.err != nil {
			if !reflect.DeepEqual(err, c.err) {
				t.Errorf("%v: %v, want %v", c.sent, err, c.err)
			}
			continue
		}
		want := everyKind{pageRequest{1, 10}, keyName{alias: "alias/a"}, keyName{}, []byte{1, 2}, "", "b", false, nil, nil, nil, ""}
		c.want(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v %+v, want %+v", c.sent, err, got, want)
		}
	}
}

func TestAListIsInTheOrderOfItsNumbers(t *testing.T) {
	type request struct {
		Names []string     `repeat:"true" required:"true" max:"20"`
		Pairs []requestTag `repeat:"true" max:"20"`
	}
	got, err := filled[request](map[string]string{
		"Names.10": "ten", "Names.9": "nine", "Names.2": "two", "Names.3": "",
		"Pairs.11.Value": "1", "Pairs.11.Key": "a", "Pairs.7.Key": "b", "Pairs.7.Value": "",
	})
	want := request{[]string{"two", "nine", "ten"}, []requestTag{{"b", ""}, {"a", "1"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %+v, want %+v", err, got, want)
	}
	for _, sent := range []map[string]string{{}, {"Names.1": ""}, {"Pairs.1.Key": "a"}} {
		if _, err := filled[request](sent); !reflect.DeepEqual(err, kmserr.MissingParameter("Names.1")) {
			t.Errorf("%v: %v", sent, err)
		}
	}
	wrong := map[string]string{"Names.x": "a", "Names.21": "b", "Names.0": "c", "Names.1": "d"}
	if _, err := filled[request](wrong); !reflect.DeepEqual(err, kmserr.InvalidParameter("Names.0")) {
		t.Errorf("of several that are wrong %v is named, want the first by name", err)
	}
}

func filled[In any](sent map[string]string) (in In, err error) {
	err = fill(reflect.ValueOf(&in).Elem(), parametersOf(reflect.TypeFor[In]()), sent)
	return in, err
}

func TestARequiredListOfJSONHasAnElement(t *testing.T) {
	type request struct {
		List []tag `required:"true"`
	}
	for _, text := range []string{"[]", " [ ] ", "null"} {
		if _, err := filled[request](map[string]string{"List": text}); !reflect.DeepEqual(err, kmserr.MissingParameter("List")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzLists sends two parameters of whatever name. What is taken is the same when
// it is numbered afresh.
func FuzzLists(f *testing.F) {
	type request struct {
		Names []string     `repeat:"true" max:"3"`
		Pairs []requestTag `repeat:"true" max:"3"`
	}
	f.Add("Names.1", "a", "Names.3", "b")
	f.Add("Names.01", "a", "Names.1", "b")
	f.Add("Names.", "a", "Names", "")
	f.Add("Pairs.2.Key", "a", "Pairs.2.Value", "b")
	f.Add("Pairs..Key", "a", "Pairs.2.Key.", "b")
	f.Fuzz(func(t *testing.T, name1, text1, name2, text2 string) {
		in, err := filled[request](map[string]string{name1: text1, name2: text2})
		if err != nil {
			if !errors.As(err, new(*kmserr.Error)) {
				t.Fatal(err)
			}
			return
		}
		afresh := map[string]string{}
		for i, text := range in.Names {
			afresh[fmt.Sprintf("Names.%d", i+1)] = text
		}
		for i, pair := range in.Pairs {
			afresh[fmt.Sprintf("Pairs.%d.Key", i+1)], afresh[fmt.Sprintf("Pairs.%d.Value", i+1)] = pair.Key, pair.Value
		}
		again, err := filled[request](afresh)
		if err != nil || !reflect.DeepEqual(in, again) {
			t.Fatalf("%v: %+v, then %+v", err, in, again)
		}
	})
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
		"a list that is none": reflect.TypeFor[struct {
			KeyId string `repeat:"true"`
		}](),
		"a list that repeats a little": reflect.TypeFor[struct {
			KeyId []string `repeat:"yes"`
		}](),
		"a parameter that is emulated after all": reflect.TypeFor[struct {
			KeyId string `emulated:"yes"`
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
