package keyspec

import "github.com/emmansun/gmsm/sm4"

// sm4Spec is of the one size that SM4 keys have, that of a block.
func sm4Spec(name string) *Spec {
	return &Spec{Name: name, size: sm4.BlockSize, newBlock: sm4.NewCipher}
}
