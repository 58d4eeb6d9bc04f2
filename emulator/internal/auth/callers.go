package auth

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alikms/alikms/emulator/internal/kmserr"
	"github.com/alikms/alikms/emulator/internal/wire"
	"github.com/alikms/alikms/internal/pattern"
)

// Callers knows the AccessKeys that may call. With none configured, every
// caller is accepted, signed or not.
type Callers struct {
	// real time, whatever the emulator's clock says: an SDK stamps its
	// requests with it.
	real   func() time.Time
	nonces nonceMemory

	mu    sync.RWMutex
	known map[string]Credential // by AccessKeyId
}

// NewCallers knows nobody yet. real tells the real time.
func NewCallers(real func() time.Time) *Callers { return &Callers{real: real} }

// Credential is what an AccessKey has to prove, and what it may do.
type Credential struct {
	Secret  string
	Token   string // of STS; "": none is wanted
	Account string // "": that of the settings
	Policy  *Policy
}

// Set replaces the AccessKeys that may call, by their ids.
func (cs *Callers) Set(known map[string]Credential) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.known = known
}

// Any reports whether any AccessKey is configured, so that calls are verified.
func (cs *Callers) Any() bool {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	return len(cs.known) > 0
}

// Knows reports whether calls by an AccessKey are accepted.
func (cs *Callers) Knows(accessKeyID string) bool {
	_, ok := cs.credential(accessKeyID)
	return ok || !cs.Any()
}

func (cs *Callers) credential(accessKeyID string) (Credential, bool) {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	known, ok := cs.known[accessKeyID]
	return known, ok
}

// Caller is who calls: as a request claims, or, verified, as it has proved.
type Caller struct {
	AccessKeyID string
	Account     string // "": that of the settings
	Scheme      string // V1, V3, V4, or "" where nothing is signed
	Nonce       string
	Verified    bool
	Known       bool // one of those configured, whose policy counts
	Policy      *Policy
}

// signatureWindow is how far a request's time may be off, each way.
const signatureWindow = 15 * time.Minute

// Claim is what a request says of its caller, and how to check it.
type Claim struct {
	Caller
	date  string
	token string
	check func(secret string) error
}

// accessKeySyntax is what an AccessKeyId may be. The service answers another one
// with an error of its own (recorded in 2023).
var accessKeySyntax = pattern.Lazy(`^[A-Za-z0-9._@-]+$`)

// Verify finds out whether a caller is who it claims to be. unfit is what is
// wrong with the claim in itself. resent reports whether the request is one that
// a connection fault met, sent again by a library below the SDK: then its nonce
// is not used twice.
func (cs *Callers) Verify(claimed Claim, unfit error, resent func() bool) (Caller, error) {
	if !cs.Any() {
		return claimed.Caller, nil
	}
	if unfit != nil {
		return Caller{}, unfit
	}
	known, ok := cs.credential(claimed.AccessKeyID)
	switch {
	case !accessKeySyntax().MatchString(claimed.AccessKeyID):
		return Caller{}, kmserr.InvalidParameter("AccessKeyId")
	case !ok:
		return Caller{}, kmserr.UnknownAccessKeyID
	}
	if err := cs.agree(claimed, known, resent); err != nil {
		return Caller{}, err
	}
	who := known.caller(claimed.Caller)
	who.Verified = true
	return who, nil
}

// caller adds to who calls what is configured of them.
func (c Credential) caller(who Caller) Caller {
	who.Known, who.Account, who.Policy = true, c.Account, c.Policy
	return who
}

// Assume is the caller of an AccessKeyId, without a signature.
func (cs *Callers) Assume(accessKeyID, scheme string) (Caller, error) {
	who := Caller{AccessKeyID: accessKeyID, Scheme: scheme}
	known, ok := cs.credential(accessKeyID)
	switch {
	case !cs.Any():
		return who, nil
	case accessKeyID == "":
		return Caller{}, kmserr.MissingAccessKeyID
	case !accessKeySyntax().MatchString(accessKeyID):
		return Caller{}, kmserr.InvalidParameter("AccessKeyId")
	case !ok:
		return Caller{}, kmserr.UnknownAccessKeyID
	}
	return known.caller(who), nil
}

// agree checks a claim. The nonce is remembered only when all else agreed.
func (cs *Callers) agree(claimed Claim, known Credential, resent func() bool) error {
	now := cs.real()
	if err := checkDate(claimed.date, now); err != nil {
		return err
	}
	switch {
	case claimed.Nonce == "":
		return kmserr.MissingNonce
	case known.Token != "" && claimed.token == "":
		return kmserr.MissingSecurityToken
	case !sameSignature(known.Token, claimed.token):
		return kmserr.SecurityTokenMismatch
	}
	if err := claimed.check(known.Secret); err != nil {
		return err
	}
	if !cs.nonces.use(claimed.AccessKeyID, claimed.Nonce, now) && !resent() {
		return kmserr.NonceUsed
	}
	return nil
}

// checkDate wants UTC to the second, at most 15 minutes off. time.Parse takes a
// fraction of the second where the layout has none.
func checkDate(text string, now time.Time) error {
	const layout = "2006-01-02T15:04:05Z"
	if text == "" {
		return kmserr.MissingTimestamp
	}
	date, err := time.Parse(layout, text)
	if err != nil || string(date.AppendFormat(make([]byte, 0, len(layout)), layout)) != text {
		return kmserr.TimestampFormat
	}
	if now.Sub(date).Abs() > signatureWindow {
		return kmserr.TimestampExpired
	}
	return nil
}

// ClaimOf reads the claim off a request of any signing generation. Beside an error it has what could be read.
func ClaimOf(req *wire.Request) (Claim, error) {
	header := req.HTTP.Header
	switch {
	case strings.HasPrefix(header.Get("Authorization"), "ACS"):
		return headerClaim(req)
	case header.Get("X-Acs-Bearer-Token") != "", req.Params["SignatureType"] == "BEARERTOKEN":
		return Claim{}, kmserr.InvalidSignatureMethod
	}
	_, named := req.Params["AccessKeyId"]
	if named || req.Params["Signature"] != "" {
		return parameterClaim(req)
	}
	return Claim{}, kmserr.MissingAccessKeyID
}

// headerClaim is a claim of V3 or V4.
func headerClaim(req *wire.Request) (Claim, error) {
	header := req.HTTP.Header
	a, err := ParseAuthorization(header.Get("Authorization"))
	switch {
	case errors.Is(err, errSigningUnsupported):
		return Claim{}, kmserr.InvalidSignatureMethod
	case errors.Is(err, errNoAccessKeyID):
		return Claim{}, kmserr.InvalidParameter("AccessKeyId")
	case err != nil:
		return Claim{}, kmserr.IncompleteSignature
	}
	return Claim{
		Caller: Caller{AccessKeyID: a.AccessKeyID, Scheme: a.Scheme, Nonce: header.Get("X-Acs-Signature-Nonce")},
		date:   header.Get("X-Acs-Date"),
		token:  header.Get("X-Acs-Security-Token"),
		check:  func(secret string) error { return checkHeaderSignature(req, a, secret) },
	}, nil
}

// signsWhatCounts reports whether all is signed that says what a request is: each
// x-acs- header that was sent, and, where there is a body, how to read it. Java
// classic does not sign host, which says nothing of the request; Python Tea sends
// an unsigned content-type with an empty body.
func (a Authorization) signsWhatCounts(req *wire.Request) bool {
	signed := strings.Split(a.SignedHeaders, ";")
	for name := range req.HTTP.Header { // as net/http spells it
		counts := strings.HasPrefix(name, "X-Acs-") || name == "Content-Type" && len(req.Body) > 0
		if counts && !slices.ContainsFunc(signed, func(s string) bool { return strings.EqualFold(s, name) }) {
			return false
		}
	}
	return true
}

// inScope reports whether the scope of a V4 signature is that of the request: its
// day, the product, and the region that SDKs derive from the host.
func (a Authorization) inScope(host, date string) bool {
	day := strings.ReplaceAll(date[:min(10, len(date))], "-", "")
	bare := (&url.URL{Host: host}).Hostname()
	return a.Date == day && a.Product == "Kms" && (a.Region == v4Region(host) || a.Region == v4Region(bare))
}

// v4Region is what the SDKs' gateway plug-in makes of an endpoint: the second of
// two labels before .aliyuncs.com, else center.
func v4Region(endpoint string) string {
	labels := strings.Split(strings.ReplaceAll(endpoint, ".aliyuncs.com", ""), ".")
	if len(labels) == 2 {
		return labels[1]
	}
	return "center"
}

// checkHeaderSignature signs the body that came; the hash that a header says of
// it has to be the same.
func checkHeaderSignature(req *wire.Request, a Authorization, secret string) error {
	if !a.signsWhatCounts(req) || a.Scheme == "V4" && !a.inScope(req.HTTP.Host, req.HTTP.Header.Get("X-Acs-Date")) {
		return kmserr.IncompleteSignature
	}
	stringToSign, ok := a.verify(secret, SignedRequest{
		Method: req.HTTP.Method,
		Path:   req.HTTP.URL.EscapedPath(),
		Host:   req.HTTP.Host,
		Query:  req.Query,
		Header: req.HTTP.Header,
		Body:   req.Body,
	})
	said := req.HTTP.Header.Get(payloadHashHeader)
	if !ok || said != "" && said != a.PayloadHash(req.Body) {
		return kmserr.SignatureV3(stringToSign)
	}
	return nil
}

// parameterClaim is a claim of V1.
func parameterClaim(req *wire.Request) (Claim, error) {
	p := req.Params
	c := Claim{
		Caller: Caller{AccessKeyID: p["AccessKeyId"], Scheme: "V1", Nonce: p["SignatureNonce"]},
		date:   p["Timestamp"],
		token:  p["SecurityToken"],
	}
	_, said := p["AccessKeyId"]
	switch {
	case c.AccessKeyID == "" && said:
		return c, kmserr.InvalidParameter("AccessKeyId")
	case c.AccessKeyID == "":
		return c, kmserr.MissingAccessKeyID
	case p["Signature"] == "":
		c.Scheme = ""
		return c, kmserr.IncompleteSignature
	}
	newHash, err := V1Hash(p)
	if err != nil {
		return c, kmserr.InvalidSignatureMethod
	}
	c.check = func(secret string) error {
		if p["SignatureVersion"] != "1.0" {
			return kmserr.IncompleteSignature
		}
		if stringToSign, ok := verifyV1(newHash, secret, req.HTTP.Method, p); !ok {
			return kmserr.SignatureV1(stringToSign)
		}
		return nil
	}
	return c, nil
}
