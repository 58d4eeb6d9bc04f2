// Package kmserr is the catalogue of the errors that KMS answers: a code with
// its status and its text. An error is an exported value, or, where its text
// names something, a function of that.
package kmserr

import (
	"fmt"
	"maps"
	"slices"
)

// Error is a refusal as it goes over the wire. The values of this package are
// shared: nobody changes them.
type Error struct {
	Status  int
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// catalogue finds an error by its code. Where a code has several texts, the
// first declared below is found.
var catalogue = map[string]*Error{}

// row declares an error of the service.
func row(status int, code, message string) *Error {
	e := &Error{status, code, message}
	if _, known := catalogue[code]; !known {
		catalogue[code] = e
	}
	return e
}

// named declares an error whose text names something, where it says %s. bare is
// the text in its documented form without a name. It is what a fault sends,
// which knows of no parameter.
func named(status int, code, message, bare string) func(name string) *Error {
	row(status, code, bare)
	return func(name string) *Error { return &Error{status, code, fmt.Sprintf(message, name)} }
}

// Worded is an error whose text was written anew between the generations of KMS.
type Worded struct{ Classic, Current *Error }

// worded declares such an error.
func worded(status int, code, classic, current string) Worded {
	return Worded{row(status, code, classic), &Error{status, code, current}}
}

// Lookup finds an error of the catalogue by its code, in its form without a name.
func Lookup(code string) (*Error, bool) {
	e, ok := catalogue[code]
	return e, ok
}

// Codes are those of the catalogue, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(catalogue)) }

// The catalogue. Observed texts win over API metadata, metadata over manual
// pages; typos are the service's. A row whose text is our choice says so.

// The request as a whole.
var (
	InternalFailure = row(500, "InternalFailure", "Internal Failure.")
	// DiskFull is InternalFailure; what follows its first sentence is ours.
	DiskFull          = &Error{500, "InternalFailure", "Internal Failure. alikms cannot keep the change: the disk of its data folder is full."}
	ParseRequest      = row(400, "ParseRequestParameterException", "Server parse parameters exception. Please check your input params.")
	UnsupportedMethod = row(403, "UnsupportedHTTPMethod", "This http method is not supported.")
	MissingAction     = row(400, "MissingAction", "Action is mandatory for this action.")
	InvalidAction     = row(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	InvalidVersion    = row(400, "InvalidVersion", "Specified parameter Version is not valid.")
	InvalidFormat     = row(400, "InvalidParameter.Format", "Specified parameter format is not valid.")
	MissingParameter  = named(400, "MissingParameter", "The parameter  %s  needed but no provided.", "The parameter needed but no provided.")
	InvalidParameter  = named(400, "InvalidParameter", "The specified parameter %s is not valid.", "The specified parameter is not valid.")
	NotEmulated       = named(400, "NotEmulated", "alikms does not emulate %s.", "alikms does not emulate this.") // ours; 4xx, for clients retry 5xx for minutes
	// Ours, like the one below. A page can give its own name the address of this machine.
	HostNotAllowed       = named(403, "HostNotAllowed", "alikms does not answer to the host %s; --allow-host adds one.", "alikms does not answer to this host; --allow-host adds one.")
	CrossSite            = row(403, "CrossSiteRequest", "alikms refuses requests that a web page of another site made.")
	UnsupportedOperation = row(400, "UnsupportedOperation", "This action is not supported.")
)

// Bodies that stall, and that find those in flight fill the room for them. The
// first is ours, the second the service's for what passes: SDKs try again.
var (
	RequestTimeout              = row(408, "RequestTimeout", "The body of the request did not arrive in time.")
	ServiceUnavailableTemporary = row(503, "ServiceUnavailableTemporary", "Service Unavailable Temporary.")
)

// Callers and signatures.
var (
	MissingAccessKeyID     = row(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action.")
	UnknownAccessKeyID     = row(404, "InvalidAccessKeyId.NotFound", "The Access Key ID provided does not exist in our records.")
	InvalidSignatureMethod = row(400, "InvalidSignatureMethod", "Specified signature method is not valid.")
	IncompleteSignature    = row(400, "IncompleteSignature", "The request signature does not conform to Alibaba Cloud standards.")
	// Clients compare what follows the colon with their own string to sign,
	// so nothing may follow it.
	SignatureV1           = named(400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:%s", "Specified signature is not matched with our calculation.")
	SignatureV3           = named(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation. server StringToSign is [%s]", "Specified signature does not match our calculation.")
	MissingTimestamp      = row(400, "IllegalTimestamp", `The input parameter "Timestamp" that is mandatory for processing this request is not supplied.`)
	TimestampFormat       = row(400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	TimestampExpired      = row(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	MissingNonce          = row(400, "MissingSignatureNonce", "SignatureNonce is mandatory for this action.")
	NonceUsed             = row(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
	MissingSecurityToken  = row(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
	SecurityTokenMismatch = row(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
	// Observed with the ARN; the bare text is the manual's.
	NoPermission = named(403, "Forbidden.NoPermission", "This operation for %s is forbidden by permission system.", "This operation is forbidden by permission system.")
)

// Keys, versions, aliases.
var (
	KeyNotFound                  = row(404, "Forbidden.KeyNotFound", "The specified Key is not found.")
	KeyVersionNotFound           = row(404, "Forbidden.KeyVersionNotFound", "The specified Key version is not found.")
	AliasNotFound                = row(404, "Forbidden.AliasNotFound", "The specified Alias is not found.")
	AliasExists                  = row(400, "AliasAlreadyExists", "AliasName Already Exists.")
	AliasNotAllowed              = row(400, "Unsupported.Alias", "Alias is not valid for this api.")
	RejectedUnsupportedOperation = row(400, "Rejected.UnsupportedOperation", "Unsupported operation.")
	StateModifiedFailed          = row(409, "Rejected.StateModifiedFailed", "Keystate modified failed.")
	Disabled                     = row(409, "Rejected.Disabled", "The request was rejected because the key state is Disabled.")
	PendingDeletion              = row(409, "Rejected.PendingDeletion", "The request was rejected because the key state is PendingDeletion.")
	PendingImport                = row(409, "Rejected.PendingImport", "The request was rejected because the key state is PendingImport.")
	// NoBlob is InvalidParameter; what follows its first sentence is ours.
	NoBlob           = &Error{400, "InvalidParameter", "The specified parameter CiphertextBlob is not valid. It is no ciphertext of a symmetric key; that of an asymmetric key is decrypted with AsymmetricDecrypt."}
	InstanceNotFound = row(403, "Forbidden.DKMSInstanceNotFound", "The specified DKMS Instance is not found.")
)

// Imported key material and key policies.
var (
	InvalidKeyMaterial   = row(400, "InvalidKeyMaterial", "key material is invalid.")
	InvalidImportToken   = row(400, "InvalidImportToken", "import token is invalid.")
	ExpiredImportToken   = row(400, "ExpiredImportToken", "import token is expired.")
	UnsupportedOrigin    = row(400, "Unsupported.Origin", "This key origin is not valid for this api.")
	KeyPolicyUnsupported = row(400, "Forbidden.KeyPolicyUnSupported", "The specified key does not support key policy.")
)

// Secrets. The texts of the classic generation are those of the manual of 2021,
// the others those of the API's pages of 2025 and of its metadata, sic.
var (
	SecretNotFound       = worded(404, "Forbidden.ResourceNotFound", "The resource is not found.", "Resource not found")
	SecretInDeleteWindow = worded(409, "Rejected.ResourceInDeleteWindow", "The secret is planned to be deleted.", "secret in delete peroid")
	SecretPolicyNotFound = &Error{404, "Forbidden.ResourceNotFound", "Policy not found."}
	SecretExists         = row(409, "Rejected.ResourceExist", "The resource already exists.")
	SecretNotInWindow    = row(409, "Rejected.ResourceInUse", "restore normal secret")
	// SecretLimitExceeded is LimitExceeded with the text of the manual of 2021.
	SecretLimitExceeded = &Error{400, "Rejected.LimitExceeded", "The secret quota is exceeded."}
)

// Quotas.
var (
	Throttled     = row(429, "Rejected.Throttling", "QPS Limit Exceeded")
	LimitExceeded = row(400, "Rejected.LimitExceeded", "The request was rejected because user create resource limit was exceeded.")
)

// DryRun. Their codes are documented, their statuses and texts are ours; a
// ValidationError carries the text of the error it stands for.
var (
	DryRunSucceeds   = row(400, "DryRunOperationError", "The request would have succeeded, but DryRun is set.")
	DryRunDenied     = row(403, "AccessDeniedError", "The request would have been refused by the permission system.")
	DryRunValidation = named(400, "ValidationError", "%s", "The request is not valid.")
)

// Codes that nothing here answers of itself. They are in the catalogue so that
// a fault can name them.
func init() {
	row(503, "SerivceUnvailableTemporary", "Service Unvailable Temporary") // sic, CreateKey's metadata
	row(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	row(400, "Throttling", "Request was denied due to request throttling.")
	row(400, "Throttling.User", "Request was denied due to user flow control.")
	row(400, "Throttling.Api", "Request was denied due to api flow control.")
	row(403, "Forbidden.AccessKey", "This AccessKey is not enabled.")
	row(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
	row(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
	row(400, "InvalidProtocol.NeedSsl", "Your request is denied as lack of ssl protect.")
	row(403, "Forbidden.UbsmsInvalidUserid", "Userid Invalid For Ubsms.")
	row(403, "Forbidden.UbsmsInvalidBid", "Your account partner does not have KMS Service.")
	row(403, "Forbidden.KmsServiceNotEnabled", "Kms service is not Enabled for current user. Please get access permission first.")
	row(403, "Forbidden.ProhibitedByRiskControl", "Current user is Prohibited By Risk Control.")
	row(403, "Forbidden.InDebtOverdue", "Current user is indebted Overdue.")
	row(403, "Forbidden.InDebt", "Current user is indebted.")
	row(403, "Forbidden.DKMSInstanceStateInvalid", "The DKMS instance state is invalid.")
	row(400, "Rejected.ShareQuotaExceedLimit", "Instance Share Quota Exceed Limit.")
	row(409, "Rejected.Unavailable", "The request was rejected because the key state is Unavailable.")
	row(400, "Unsupported.ProtectionLevel", "This protection level is not valid for this region")
}
