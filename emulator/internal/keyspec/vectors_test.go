package keyspec

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
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

// The examples of "The Galois/Counter Mode of Operation (GCM)" by McGrew and
// Viega, test cases 4, 10 and 16, and that of RFC 8998 A.1.
func TestGCMExamples(t *testing.T) {
	const (
		iv        = "cafebabefacedbaddecaf888"
		data      = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
		plaintext = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525" +
			"b16aedf5aa0de657ba637b39"
	)
	for _, c := range []struct{ spec, key, iv, plaintext, ciphertext, tag string }{
		{"Aliyun_AES_128", "feffe9928665731c6d6a8f9467308308", iv, plaintext,
			"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05" +
				"1ba30b396a0aac973d58e091",
			"5bc94fbc3221a5db94fae95ae7121a47"},
		{"Aliyun_AES_192", "feffe9928665731c6d6a8f9467308308feffe9928665731c", iv, plaintext,
			"3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f47" +
				"18e2448b2fe324d9ccda2710",
			"2519498e80f1478f37ba55bd6d27618c"},
		{"Aliyun_AES_256", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", iv, plaintext,
			"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838" +
				"c5f61e6393ba7a0abcc9f662",
			"76fc6ece0f4e1768cddf8853bb2d551b"},
		{"Aliyun_SM4", "0123456789abcdeffedcba9876543210", "00001234567800000000abcd",
			"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffff" +
				"eeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
			"17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15" +
				"a56834cbcf98c397b4024a2691233b8d",
			"83de3541e4c2b58177e065a9bf7b62ec"},
	} {
		key := must[Key](t)(mustLookup(t, c.spec).Parse(unhex(t, c.key))).(*SymmetricKey)
		opened, err := key.Open(unhex(t, c.iv+c.ciphertext+c.tag), unhex(t, data))
		if err != nil || !bytes.Equal(opened, unhex(t, c.plaintext)) {
			t.Errorf("%s: %x, %v", c.spec, opened, err)
		}
	}
}

// RFC 6979 A.2.5, with SHA-256.
func TestECDSAExamplesOnP256(t *testing.T) {
	file := ecFile{version: 1, inner: curveP256,
		scalar: unhex(t, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
		point: unhex(t, "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"+
			"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")}
	key, err := mustLookup(t, "EC_P256").ParsePEM([]byte(pemText("EC PRIVATE KEY", file.sec1(t))))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ message, r, s string }{
		{"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
			"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
		{"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
			"019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
	} {
		digest := sha256.Sum256([]byte(c.message))
		signature := marshalASN1(t, struct{ R, S *big.Int }{unhexInt(t, c.r), unhexInt(t, c.s)})
		if ok, err := key.Verify("ECDSA_SHA_256", digest[:], signature); !ok || err != nil {
			t.Errorf("%q: %v, %v", c.message, ok, err)
		}
	}
}

// Wycheproof ecdsa_secp256k1_sha256_test.json, tcId 5 to 11: one signature in
// encodings right and wrong.
func TestECDSAExamplesOfWycheproof(t *testing.T) {
	const (
		r    = "022100813ef79ccefa9a56f7ba805f0e478584fe5f0dd5f567bc09b5123ccbc9832365"
		s    = "02206ff18a52dcc0336f7af62400a6dd9b810732baf1ff758000d6f613a556eb31ba"
		negS = "022100900e75ad233fcc908509dbff5922647db37c21f4afd3203ae8dc4ae7794b0f87"
	)
	public, err := secp256k1.ParsePubKey(unhex(t, "04b838ff44e5bc177bf21189d0766082fc9d843226887fc9760371100b7ee20a6f"+
		"f0c9d75bfba7b31a6bca1974496eeb56de357071955d83c4b1badaa0b21832e9"))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("123400"))
	for signature, want := range map[string]bool{
		"3046" + r + negS:           true,
		"3045" + r + s:              true,
		"3044" + "0220" + r[6:] + s: false, // r without its leading zero
		"308145" + r + s:            false,
		"30820045" + r + s:          false,
		"3046" + r + s:              false,
		"3044" + r + s:              false,
	} {
		if ok, err := (secp256k1Key{public: public}).Verify("ECDSA_SHA_256", digest[:], unhex(t, signature)); ok != want || err != nil {
			t.Errorf("%s: %v, %v", signature, ok, err)
		}
	}
}

// The private key 1 and its signature by RFC 6979, from the tests of CoreBitcoin
// and Trezor.
func TestECDSAExampleOnSecp256k1(t *testing.T) {
	file := ecFile{version: 1, scalar: []byte{1}, inner: curveSecp256k1}
	key, err := mustLookup(t, "EC_P256K").ParsePEM([]byte(pemText("EC PRIVATE KEY", file.sec1(t))))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("Satoshi Nakamoto"))
	want := marshalASN1(t, struct{ R, S *big.Int }{
		unhexInt(t, "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"),
		unhexInt(t, "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5")})
	if got, err := key.Sign("ECDSA_SHA_256", digest[:]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("signature %x, %v", got, err)
	}
}

// The primes of the key in Wycheproof rsa_pkcs1_2048_test.json.
var wycheproofPKCS1 = [2]string{
	"ec125cf37e310a2ff46263b9b2e0629d6390005ec88913d4fb71bd4dd856124498aaeba983d7ba2bd942e64d223feb7a" +
		"23af4d605efeea6bd70d39afe99d35a3aa15e74a1768778093be0edd4a8d09b2def6dc9b67ff85764625c2e19236db4c" +
		"401ce30a2572d3ecb4f969b7ad19c522c02d774465676e1a3776c54d6248348b",
	"c2742abcd9897bd4b0b671f973fc82a8f84abf5705ff88dd41948623afe9dca60dc6543390767feaebeb539576ee8bfa" +
		"61b5fcbca94a7cef75a09150c540fa9694dd8004ad23718c889049219369c99f4458d4afc148f6f07df87324a96d9cf7" +
		"b385dd8622414a1832f9f29446f050c2d5a6407649dc41ab70e23b3dcc22c987",
}

// Wycheproof rsa_pkcs1_2048_test.json, tcId 3.
func TestPKCS1DecryptionExampleOfWycheproof(t *testing.T) {
	wrapped := unhex(t, "4501b4d669e01b9ef2dc800aa1b06d49196f5a09fe8fbcd037323c60eaf027bfb98432be4e4a26c567ffec718bcbea97"+
		"7dd26812fa071c33808b4d5ebb742d9879806094b6fbeea63d25ea3141733b60e31c6912106e1b758a7fe0014f075193"+
		"faa8b4622bfd5d3013f0a32190a95de61a3604711bc62945f95a6522bd4dfed0a994ef185b28c281f7b5e4c8ed41176d"+
		"12d9fc1b837e6a0111d0132d08a6d6f0580de0c9eed8ed105531799482d1e466c68c23b0c222af7fc12ac279bc4ff57e"+
		"7b4586d209371b38c4c1035edd418dc5f960441cb21ea2bedbfea86de0d7861e81021b650a1de51002c315f1e7c12deb"+
		"e4dcebf790caaa54a2f26b149cf9e77d")
	key := importKeyOf(t, "RSA_2048", rsaOfPrimes(t, wycheproofPKCS1))
	if got, err := key.Unwrap("RSAES_PKCS1_V1_5", wrapped); err != nil || string(got) != "Test" {
		t.Errorf("%q, %v", got, err)
	}
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
