package keyspec

import "crypto/aes"

func aesSpec(name string, size int) *Spec {
	return &Spec{Name: name, size: size, newBlock: aes.NewCipher}
}
