package keyspec

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/emmansun/gmsm/sm2"
)

// Published examples: what all others compute too.

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unhexInt(t *testing.T, text string) *big.Int { return new(big.Int).SetBytes(unhex(t, text)) }

func rsaOfPrimes(t *testing.T, primes [2]string) PrivateKey {
	t.Helper()
	return mustRSA(t, "RSA_2048", unhexInt(t, primes[0]), unhexInt(t, primes[1]))
}

// The primes of the key in Wycheproof (github.com/C2SP/wycheproof, testvectors_v1)
// rsa_oaep_2048_sha256_mgf1sha256_test.json and, its public half,
// rsa_pss_2048_sha256_mgf1_32_test.json.
var wycheproofSHA256 = [2]string{
	"dc431050f782e894fb5248247d98cb7d58b8d1e24f3b55d041c56e4de086b0d5bb028bda42eeb5d234d5681e5809d415" +
		"e6a289ad4cfbf78f978f6c35814f50eebff1c5b80a69f788e81e6bab5ddaa78369d659d143ec6f17e79813a575cfad9c" +
		"569156b90113e2e9110ad9e7b48a1c9348a6e653321191290ea36cfb3a5b18f1",
	"bd1a81e7977f9898122273ae3222b598ea5fb19eb4eabc38308a5e32196603b2e500ffb79f5b886816611debc472fac4" +
		"5544070beb057c941378a6868af3b7a03d3f9880ec47d5e089b94fbde542aba9ae8d72c57088d7abf5b131f39098f7bc" +
		"160f90536abc9492fd4e06f3ed7299d4b97bb03677207d95669f140cfbc20f25",
}

// The primes of the key in Wycheproof rsa_oaep_2048_sha1_mgf1sha1_test.json.
var wycheproofSHA1 = [2]string{
	"fe3d238d376a3856d9592fd4961c17a7fb0fa39d442e9df22e7eda115c648c5cb738df89ea92d8378558d0d9c1cf3d8b" +
		"ff740d3743a0140a6a7523e9176c2953b2c11d7f44691cf8bec2b34fb59c649535983319488118c03118ae7445e70df4" +
		"66ce98671260f05d5068ce777da97e2ba84779490500ceb4ff7f62ceca9a147f",
	"be814af26bf3c27115bc7595d0d12a1af7713feca877ae6e6d858825eda3d192704774f42e1ae1b67f1739e8c45a0476" +
		"388070fa545b7cc96b8a44003bc8d07fde73f5bcdd18268395dcc2842b5023ff14b352382607b7179a5ea330840fc450" +
		"45d86e0acc4feb135f0ab9b7ce6b8eb5f5a575f2a2a8de299c0d3f506df4879b",
}

// The primes of testRSA2048 in RFC 9500 2.1.
var rfc9500 = [2]string{
	"dd105702382f232b3681f53791e22617c7bf4e9acb81ed48daf6d6995da3eab642839aff012d2ea628b90af279fd3e6f" +
		"7c93cd80f072f01ff2443b3ee8f24ed469a79613a41bd24020f92fd11059bd1d0f301b5ba7a9d3637ca8d65c1a981541" +
		"7d8eab734b0b4f3a2c661d9a1a82f3ac734c40530669ab8e473045a58e65539d",
	"ccf1e5bb90c8e9781ea75bebf10bc252e11eb023a0260f1887552a56863f4a6421e8c600bf523d6cb1b0adbdd65bfee4" +
		"a88a037e3d1a415e5bb95648da5a0ca26b54f4a63948522c3d5f89b94a72efff95134d5940ce45758f30898090895658" +
		"8eef575b3e4bc4c368cfe813ee9c252c2b02e0df91f1aa01938d38685d60ba6f",
}

func TestOAEPExamplesOfWycheproof(t *testing.T) {
	for _, c := range []struct {
		name, algorithm       string
		primes                [2]string
		plaintext, ciphertext string
	}{
		{"sha256, tcId 7", "RSAES_OAEP_SHA_256", wycheproofSHA256,
			"e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
			"096958786ee7972050d67a9e4b69d6c6af7db7cc674386df725770dd29129b826e39552330104c8d71e6cc3a3014dd2f" +
				"61b54153af51b0438d447ee939f9e3c13bb8b00a37dea6a068f6c9d27e848b1be7a1eeeb3ee50b78036fba95ae46948c" +
				"a5b13f356ea24db10f60dc09e4b8bad8f766b668ef72524432080a0ce00ed676d6d5e354984b1078520412525848156d" +
				"06f0652469f95791baa3d9a798ae537094f76f976faecd5c9ce0c930a75910c63dacf63485cb4b5e7bdbcf4d80e74037" +
				"eaa1a8fe4b52930bec6be99cf6ac88cf5878dbf6859d456a95dbc34654eec425de84ca2a535d517403a9aada827e7d00" +
				"93ecfc97ed056a7652825e9a45cb2dcb"},
		{"sha1, tcId 3", "RSAES_OAEP_SHA_1", wycheproofSHA1,
			"54657374",
			"504b4e0d94d800a9da92be8fa84fc345f7ab4921ec53c073c79592b347a692cce2450135e998e07bb75ed7ee44f047f7" +
				"5a07e37b9c912d3d529b62bef144952d5b202246ad32c5d34ec8559c4163e2145fa5fd4d56de28cbfe7e537d57323059" +
				"45c9370bbc6dcd72b3296fd54a2660365715f7d911099c96dfe6d114eec7b4425cb65701aa9e08d99c7ac20179656bb6" +
				"78554d74baca4501b5d0b366c97224bf0c8734e00ff2af8b916aef8b83142d5ec142493e0cc4c57326515a50a31ec2c6" +
				"703512034642e5789649773d2f8312561bf2f2f6000cebdbf7c7a95fbfd0f721c31ba392acea37568a24f176767f71b3" +
				"1f407573deef95c305e0e063db0e9168"},
	} {
		opened, err := rsaOfPrimes(t, c.primes).Decrypt(c.algorithm, unhex(t, c.ciphertext))
		if err != nil || !bytes.Equal(opened, unhex(t, c.plaintext)) {
			t.Errorf("%s: %x, %v", c.name, opened, err)
		}
	}
}

// Wycheproof rsa_pss_2048_sha256_mgf1_32_test.json, tcId 3.
func TestPSSExampleOfWycheproof(t *testing.T) {
	digest := sha256.Sum256([]byte("Test"))
	signature := unhex(t, "401eb03cdb47ca88033e3030f6bdecbac8f5c8fc1dd6a13d23d379ed9a2b309891d13d74fea9d21d159b9e6d8f37efa2"+
		"489962e24555f56dd434ff1d31ce4f9f5abd3f22cbea8b691d6a11e44efb83e2bca155e6a164325e0fde2a8865afd5c9"+
		"f51161a9d615f62af7ec2e31b3e5ab649c164490d31d88cfae35b84aea7925690f929a144b6d2f48e8fb894a52deecd1"+
		"b9a6496990c4ecf1588699a42cacd10c53af350514e4291ea9a058e77f101e32c1c0cefa61d945f7bc931f8bd19e7ba3"+
		"169358a60e5a8b0123bc3199b9fdcafe8e519c41ba675491a27b85e44ef2d77277c10fe107293c8290186913bc9a99b6"+
		"40d8da041b64f31eab1d35920985f4a5")
	if ok, err := rsaOfPrimes(t, wycheproofSHA256).Verify("RSA_PSS_SHA_256", digest[:], signature); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// From the self-test of Go's crypto/internal/fips140/rsa, cast.go.
func TestPKCS1ExampleOfGo(t *testing.T) {
	digest := unhex(t, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20")
	want := unhex(t, "169833c7302c0adc0a8d0258ebf97db62aadee6372aa372cb30604dfdb2bbcb1763eeb87ef91ef74696227f324f8e70e"+
		"b2153fa24de20cd4dc2dc11a847c8880b9a92367392e86c0539bc135b3175e6295d6bc2aa6b1cf8f99431f3dd2703f01"+
		"372bdd691a5c2b047092ea2d8600cb79caafa41cd961213b1ec588fbffbdc73c36a1c68503af474f429e2365246917db"+
		"e7b7dc51c63040324f71f1622daa98db1114f99c35c316e11ad18c4d8cad0634d28497a40b6e6d199fa7401eb5fc4e12"+
		"08ecf40713dc5a8cd52ad65a2cc9548478348f11fb6ed42745d9fa908283732215ab96130d521cdc17de126f8446bbec"+
		"e3b1a15d8bebe6ae02b876477611612b")
	key := rsaOfPrimes(t, rfc9500)
	if got, err := key.Sign("RSA_PKCS1_SHA_256", digest); err != nil || !bytes.Equal(got, want) {
		t.Errorf("signature %x, %v", got, err)
	}
	if ok, err := key.Verify("RSA_PKCS1_SHA_256", digest, want); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// The key of the examples of GM/T 0003.5-2012 (GB/T 32918.5-2017), annexes A
// and C, and its public point.
func standardSM2Key(t *testing.T) PrivateKey {
	t.Helper()
	d := unhexInt(t, "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
	key, err := mustLookup(t, "EC_SM2").ParsePEM([]byte(sm2With(t, d)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := sm2.ParseUncompressedPublicKey(unhex(t, "04"+
		"09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"+
		"ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"))
	if err != nil {
		t.Fatal(err)
	}
	if !key.(sm2Key).private.PublicKey.Equal(want) {
		t.Fatal("another public key than the standard's")
	}
	return key
}

func TestSM2PKEExampleOfTheStandard(t *testing.T) {
	ciphertext := unhex(t, "04"+
		"04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"+
		"e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"+
		"59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"+
		"21886ca989ca9c7d58087307ca93092d651efa")
	key := standardSM2Key(t)
	if opened, err := key.Decrypt("SM2PKE", ciphertext); err != nil || string(opened) != "encryption standard" {
		t.Errorf("raw: %q, %v", opened, err)
	}
	der, err := sm2.PlainCiphertext2ASN1(ciphertext, sm2.C1C3C2)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := key.Decrypt("SM2PKE", der); err != nil || string(opened) != "encryption standard" {
		t.Errorf("DER: %q, %v", opened, err)
	}
}

func TestSM2DSAExampleOfTheStandard(t *testing.T) {
	key := standardSM2Key(t)
	digest, err := sm2.CalculateSM2Hash(&key.(sm2Key).private.PublicKey, []byte("message digest"), []byte("1234567812345678"))
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"); !bytes.Equal(digest, want) {
		t.Fatalf("e = %x", digest)
	}
	signature, err := asn1.Marshal(struct{ R, S *big.Int }{
		unhexInt(t, "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"),
		unhexInt(t, "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := key.Verify("SM2DSA", digest, signature); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}
