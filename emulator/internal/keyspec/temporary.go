package keyspec

// Key is parsed key material of any spec.
type Key interface{ Marshal() ([]byte, error) }
