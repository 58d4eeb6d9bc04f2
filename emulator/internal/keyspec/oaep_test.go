package keyspec

import (
	"bytes"
	"crypto"
	"testing"

	"filippo.io/bigmod"
)

// Vectors of RSA Laboratories (pkcs-1v2-1-vec, oaep-vect.txt) with SHA-1 and the exponent 65537.
var oaepVectors = []struct{ name, modulus, message, seed, ciphertext string }{
	{"Example 1.1",
		"a8b3b284af8eb50b387034a860f146c4919f318763cd6c5598c8ae4811a1e0abc4c7e0b082d693a5e7fced675cf4668512772c0cbc64a742c6c630f533c8cc72f62ae833c40bf25842e984bb78bdbf97c0107d55bdb662f5c4e0fab9845cb5148ef7392dd3aaff93ae1e6b667bb3d4247616d4f5ba10d4cfd226de88d39f16fb",
		"6628194e12073db03ba94cda9ef9532397d50dba79b987004afefe34",
		"18b776ea21069d69776a33e96bad48e1dda0a5ef",
		"354fe67b4a126d5d35fe36c777791a3f7ba13def484e2d3908aff722fad468fb21696de95d0be911c2d3174f8afcc201035f7b6d8e69402de5451618c21a535fa9d7bfc5b8dd9fc243f8cf927db31322d6e881eaa91a996170e657a05a266426d98c88003f8477c1227094a0d9fa1e8c4024309ce1ecccb5210035d47ac72e8a"},
	{"Example 10.1",
		"ae45ed5601cec6b8cc05f803935c674ddbe0d75c4c09fd7951fc6b0caec313a8df39970c518bffba5ed68f3f0d7f22a4029d413f1ae07e4ebe9e4177ce23e7f5404b569e4ee1bdcf3c1fb03ef113802d4f855eb9b5134b5a7c8085adcae6fa2fa1417ec3763be171b0c62b760ede23c12ad92b980884c641f5a8fac26bdad4a03381a22fe1b754885094c82506d4019a535a286afeb271bb9ba592de18dcf600c2aeeae56e02f7cf79fc14cf3bdc7cd84febbbf950ca90304b2219a7aa063aefa2c3c1980e560cd64afe779585b6107657b957857efde6010988ab7de417fc88d8f384c4e6e72c3f943e0c31c0c4a5cc36f879d8a3ac9d7d59860eaada6b83bb",
		"8bba6bf82a6c0f86d5f1756e97956870b08953b06b4eb205bc1694ee",
		"47e1ab7119fee56c95ee5eaad86f40d0aa63bd33",
		"53ea5dc08cd260fb3b858567287fa91552c30b2febfba213f0ae87702d068d19bab07fe574523dfb42139d68c3c5afeee0bfe4cb7969cbf382b804d6e61396144e2d0e60741f8993c3014b58b9b1957a8babcd23af854f4c356fb1662aa72bfcc7e586559dc4280d160c126785a723ebeebeff71f11594440aaef87d10793a8774a239d4a04c87fe1467b9daf85208ec6c7255794a96cc29142f9a8bd418e3c1fd67344b0cd0829df3b2bec60253196293c6b34d3f75d32f213dd45c6273d505adf4cced1057cb758fc26aeefa441255ed4e64c199ee075e7f16646182fdb464739b68ab5daff0e63e9552016824f054bf4d3c8c90a97bb6b6553284eb429fcc"},
}

func TestOAEPAgainstVectors(t *testing.T) {
	for _, v := range oaepVectors {
		modulus, err := bigmod.NewModulus(unhex(t, v.modulus))
		if err != nil {
			t.Fatal(err)
		}
		got, err := encryptWithSeed(crypto.SHA1, modulus, 65537, unhex(t, v.seed), unhex(t, v.message))
		if err != nil || !bytes.Equal(got, unhex(t, v.ciphertext)) {
			t.Errorf("%s: %x, %v", v.name, got, err)
		}
	}
}

// Whatever encryptOAEP makes, crypto/rsa opens: of every length, with both hashes.
func TestOAEPOpensWithTheStandardLibrary(t *testing.T) {
	key := generatedKey(t, "RSA_2048").(PrivateKey)
	for algorithm, hash := range oaepHashes {
		for n := range 256 - 2*hash.Size() - 2 + 1 {
			plaintext := bytes.Repeat([]byte{byte(n)}, n)
			ciphertext, err := key.Encrypt(algorithm, plaintext)
			if err != nil || len(ciphertext) != 256 {
				t.Fatalf("%s of %d bytes: %d bytes, %v", algorithm, n, len(ciphertext), err)
			}
			if opened, err := key.Decrypt(algorithm, ciphertext); err != nil || !bytes.Equal(opened, plaintext) {
				t.Errorf("%s of %d bytes opens as %x, %v", algorithm, n, opened, err)
			}
		}
	}
}
