package emulator

import (
	"net/url"
	"slices"

	"github.com/alikms/alikms/fixtures"
)

// More of the examples: see examples_test.go.

// outcomesOfTheFlaky are the statuses of some encryptions.
func outcomesOfTheFlaky(s *situation) (statuses []int) {
	for range 100 {
		statuses = append(statuses, s.call("", encryptPayment()).status)
	}
	return statuses
}

func flakySituation(s *situation) {
	first := outcomesOfTheFlaky(s)
	failed := 0
	for _, status := range first {
		if status == 500 {
			failed++
		}
	}
	if failed < 10 || failed > 30 {
		s.t.Errorf("%d of 100 calls failed, want about 20", failed)
	}
	s.must("POST", "reset", "")
	if again := outcomesOfTheFlaky(s); !slices.Equal(first, again) {
		s.t.Errorf("got\n%v\nafter a reset, and before\n%v", again, first)
	}
	s.mustDo("ListKeys")
}

func outageSituation(s *situation) {
	s.expect(200, "", s.call("", encryptPayment()))
	s.advance("59m59s")
	s.expect(200, "", s.call("", encryptPayment()))
	s.advance("1s")
	s.expect(503, "ServiceUnavailableTemporary", s.call("", encryptPayment()))
	s.advance("9m59s")
	s.expect(503, "ServiceUnavailableTemporary", s.do("ListKeys"))
	s.advance("1s")
	s.expect(200, "", s.call("", encryptPayment()))
}

func goesDownSituation(s *situation) {
	for range 3 {
		s.expect(200, "", s.call("", encryptPayment()))
	}
	for range 3 {
		s.expect(500, "InternalFailure", s.call("", encryptPayment()))
	}
	s.must("DELETE", "faults/goes-down", "")
	s.expect(200, "", s.call("", encryptPayment()))
}

func cutAnswersSituation(s *situation) {
	ciphertext := s.expect(200, "", s.call("", encryptPayment())).text("CiphertextBlob")
	s.lost(decryptPayment(ciphertext))
	s.lost(decryptPayment(ciphertext))
	s.expect(200, "", s.call("", decryptPayment(ciphertext)))
	for _, c := range s.requestsOf("fault=cut") {
		if c.Status != 200 {
			s.t.Errorf("journal %+v", c)
		}
	}
	s.expectCount("fault=cut", 2)
}

func ownErrorSituation(s *situation) {
	if a := s.expect(409, "Maintenance", s.do("DescribeKey", "KeyId", "alias/payments")); a.text("Message") != "The key is being moved." {
		s.t.Errorf("answered %s", a.body)
	}
	if a := s.expect(403, "Forbidden.InDebt", s.do("CreateKey")); a.text("Message") != "Please pay." {
		s.t.Errorf("answered %s", a.body)
	}
	s.mustDo("ListKeys")
}

func publicInstanceSituation(s *situation) {
	const instance, key = "kst-hzz65f176a0ogplgq0002", "key-hzz630494463ejqjx0005"
	sign := form("AsymmetricSign", "KeyId", key, "KeyVersionId", fixtures.DerivedVersionID(key, 1), "Algorithm", "ECDSA_SHA_256", "Digest", someDigest)
	s.expect(200, "", s.byHost(instance+".localhost", sign))
	s.expect(200, "", s.call("", sign))
	s.expectCount("gateway="+instance, 1)
	s.expectCount("gateway=shared", 1)
}

// importOf is the call that imports the material of imported-key.yaml.
func importOf(s *situation, key string) url.Values {
	given := s.mustDo("GetParametersForImport", "KeyId", key, "WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", "RSAES_OAEP_SHA_256")
	sealed, err := wrapped("RSAES_OAEP_SHA_256", given.text("PublicKey"), s.document.Keys[1].Versions[0].KeyMaterial)
	if err != nil {
		s.t.Fatal(err)
	}
	return form("ImportKeyMaterial", "KeyId", key, "ImportToken", given.text("ImportToken"), "EncryptedKeyMaterial", sealed, "KeyMaterialExpireUnix", "0")
}

func importedKeySituation(s *situation) {
	const key = "key-hzz630494463ejqjx0006"
	sealed := s.mustDo("Encrypt", "KeyId", key, "Plaintext", "text").text("CiphertextBlob")
	s.advance("31d")
	s.expect(409, "Rejected.PendingImport", s.do("Encrypt", "KeyId", key, "Plaintext", "text"))
	s.expect(200, "", s.call("", importOf(s, key)))
	if a := s.mustDo("Decrypt", "CiphertextBlob", sealed); a.text("Plaintext") != "text" {
		s.t.Errorf("decrypted %s", a.body)
	}
}

func rotationSituation(s *situation) {
	const key = "key-hzz630494463ejqjx0007"
	before := s.mustDo("Encrypt", "KeyId", key, "Plaintext", "text")
	s.advance("2d")
	after := s.mustDo("Encrypt", "KeyId", key, "Plaintext", "text")
	if before.text("KeyVersionId") == after.text("KeyVersionId") {
		s.t.Error("the key was not rotated")
	}
	if a := s.mustDo("Decrypt", "CiphertextBlob", before.text("CiphertextBlob")); a.text("Plaintext") != "text" {
		s.t.Errorf("decrypted %s", a.body)
	}
}

func otherAccountSituation(s *situation) {
	encrypt := form("Encrypt", "KeyId", "acs:kms:cn-hangzhou:9999999999999999:key/key-hzz630494463ejqjx0008", "Plaintext", "text")
	sealed := s.expect(200, "", s.call("app", encrypt)).text("CiphertextBlob")
	decrypt := form("Decrypt", "CiphertextBlob", sealed)
	s.expect(403, "Forbidden.NoPermission", s.call("app", decrypt))
	s.expect(200, "", s.call("owner", encrypt))
	s.expect(200, "", s.call("owner", decrypt))
}
