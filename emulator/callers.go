package emulator

import (
	"errors"
	"strings"
	"time"
)

// callers knows the AccessKeys that may call. With none configured, every
// caller is accepted, signed or not.
type callers struct {
	known  map[string]credential // by AccessKeyId
	nonces nonceMemory
	// real time, whatever the emulator's clock says: an SDK stamps its
	// requests with it.
	real func() time.Time
	// resent says whether a request is one that a connection fault met, sent
	// again by a library below the SDK: its nonce is not used twice.
	resent func(caller) bool
}

type credential struct {
	secret  string
	token   string // of STS; "": none is wanted
	account string // "": that of the settings
	policy  *policy
}

// caller is who calls: as a request claims, or, verified, as it has proved.
type caller struct {
	accessKeyID string
	account     string
	scheme      string // V1, V3, V4, or "" where nothing is signed
	nonce       string
	verified    bool
	policy      *policy
}

// signatureWindow is how far a request's time may be off, each way.
const signatureWindow = 15 * time.Minute

// claim is what a request says of its caller, and how to check it.
type claim struct {
	caller
	date  string
	token string
	check func(secret string) error
}

// verify finds out whether a caller is who it claims to be. unfit is what is
// wrong with the claim in itself.
func (cs *callers) verify(claimed claim, unfit error) (caller, error) {
	if len(cs.known) == 0 {
		return claimed.caller, nil
	}
	if unfit != nil {
		return caller{}, unfit
	}
	known, ok := cs.known[claimed.accessKeyID]
	if !ok {
		return caller{}, errUnknownAccessKeyID.of()
	}
	if err := cs.agree(claimed, known); err != nil {
		return caller{}, err
	}
	who := claimed.caller
	who.verified, who.account, who.policy = true, known.account, known.policy
	return who, nil
}

// agree checks a claim. The nonce is remembered only when all else agreed.
func (cs *callers) agree(claimed claim, known credential) error {
	now := cs.real()
	if err := checkDate(claimed.date, now); err != nil {
		return err
	}
	switch {
	case claimed.nonce == "":
		return errMissingNonce.of()
	case known.token != "" && claimed.token == "":
		return errMissingSecurityToken.of()
	case !sameSignature(known.token, claimed.token):
		return errSecurityTokenMismatch.of()
	}
	if err := claimed.check(known.secret); err != nil {
		return err
	}
	if !cs.nonces.use(claimed.accessKeyID, claimed.nonce, now) && !cs.resent(claimed.caller) {
		return errNonceUsed.of()
	}
	return nil
}

// checkDate wants UTC to the second, at most 15 minutes off (wire-protocol.md 2.1).
func checkDate(text string, now time.Time) error {
	if text == "" {
		return errMissingTimestamp.of()
	}
	date, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		return errTimestampFormat.of()
	}
	if now.Sub(date).Abs() > signatureWindow {
		return errTimestampExpired.of()
	}
	return nil
}

// claimOf reads the claim off a request of any signing generation
// (wire-protocol.md 1.1). Beside an error it has what could be read.
func claimOf(req *request) (claim, error) {
	header := req.http.Header
	switch {
	case strings.HasPrefix(header.Get("Authorization"), "ACS"):
		return headerClaim(req)
	case header.Get("x-acs-bearer-token") != "", req.params["SignatureType"] == "BEARERTOKEN":
		return claim{}, errInvalidSignatureMethod.of()
	case req.params["Signature"] != "" || req.params["AccessKeyId"] != "":
		return parameterClaim(req)
	}
	return claim{}, errMissingAccessKeyID.of()
}

// headerClaim is a claim of V3 or V4.
func headerClaim(req *request) (claim, error) {
	header := req.http.Header
	a, err := parseAuthorization(header.Get("Authorization"))
	if errors.Is(err, errSigningUnsupported) {
		return claim{}, errInvalidSignatureMethod.of()
	}
	if err != nil {
		return claim{}, errIncompleteSignature.of()
	}
	return claim{
		caller: caller{accessKeyID: a.AccessKeyID, scheme: a.Scheme, nonce: header.Get("x-acs-signature-nonce")},
		date:   header.Get("x-acs-date"),
		token:  header.Get("x-acs-security-token"),
		check:  func(secret string) error { return checkHeaderSignature(req, a, secret) },
	}, nil
}

// checkHeaderSignature signs the body that came; the hash that a header says of
// it has to be the same.
func checkHeaderSignature(req *request, a authorization, secret string) error {
	stringToSign, ok := a.verify(secret, signedRequest{
		Method: req.http.Method,
		Path:   req.http.URL.EscapedPath(),
		Host:   req.http.Host,
		Query:  req.query,
		Header: req.http.Header,
		Body:   req.body,
	})
	said := req.http.Header.Get(payloadHashHeader)
	if !ok || said != "" && said != a.payloadHash(req.body) {
		return errSignatureV3.of(stringToSign)
	}
	return nil
}

// parameterClaim is a claim of V1.
func parameterClaim(req *request) (claim, error) {
	p := req.params
	c := claim{
		caller: caller{accessKeyID: p["AccessKeyId"], scheme: "V1", nonce: p["SignatureNonce"]},
		date:   p["Timestamp"],
		token:  p["SecurityToken"],
	}
	switch {
	case c.accessKeyID == "":
		return c, errMissingAccessKeyID.of()
	case p["Signature"] == "":
		c.scheme = ""
		return c, errIncompleteSignature.of()
	}
	newHash, err := v1Hash(p)
	if err != nil {
		return c, errInvalidSignatureMethod.of()
	}
	c.check = func(secret string) error {
		if stringToSign, ok := verifyV1(newHash, secret, req.http.Method, p); !ok {
			return errSignatureV1.of(stringToSign)
		}
		return nil
	}
	return c, nil
}
