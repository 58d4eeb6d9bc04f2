package kms

import (
	"time"

	"github.com/alikms/alikms/store"
)

// Generation is the generation of KMS that is imitated. What a key may be, and
// which keys get versions, differs.
type Generation string

const (
	// Classic is what the vendor's pages on asymmetric keys show: any key needs
	// no instance.
	Classic Generation = "classic"
	// Generation3 is KMS 3.0, what an account of today allows: a key without an
	// instance, a default key, is Aliyun_AES_256.
	Generation3 Generation = "3.0"
)

// defaultSpec is the spec of a key that says none, and of default keys.
const defaultSpec = "Aliyun_AES_256"

const day = 24 * time.Hour

// allowsInterval reports whether a key may be rotated at an interval, which is
// one of those that KMS takes at all. In 3.0 a default key is rotated each year,
// one of a software instance at most a year apart.
func (g Generation) allowsInterval(instanceID string, interval time.Duration) bool {
	switch {
	case g != Generation3:
		return true
	case instanceID == "":
		return interval == 365*day
	}
	return interval <= 365*day
}

// versions reports whether CreateKeyVersion is for a key: in the classic
// generation for asymmetric ones, in 3.0 for symmetric ones of instances; never
// for imported material.
func (g Generation) versions(key store.Key) bool {
	switch {
	case key.Origin == OriginExternal:
		return false
	case g == Generation3:
		return Symmetric(key.Spec) && key.InstanceID != ""
	}
	return !Symmetric(key.Spec)
}
