package conformance

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alikms/alikms/scripts/conformance/alikms"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	classiccredentials "github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	classic "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
)

// The keys of the scenario of docker-compose.yml: one of the shared gateway, one
// of an instance.
const (
	composeScenario = alikms.Repository + "/scripts/smoke/scenario.yaml"
	instanceHost    = "kst-hzz65f176a0ogplgq0001.cryptoservice.kms.aliyuncs.com"
)

var (
	sharedKey   = kms.GetPublicKeyRequest{KeyId: new("alias/app"), KeyVersionId: new("2ab1a983-7072-4bbc-a582-584b5bd80001")}
	instanceKey = kms.GetPublicKeyRequest{KeyId: new("key-hzz630494463ejqjx0002"), KeyVersionId: new("2ab1a983-7072-4bbc-a582-584b5bd80002")}
)

// secureConfig is a configuration for HTTPS with the CA, as the READMEs have it.
func secureConfig(t *testing.T, p *alikms.Process, endpoint string) *openapi.Config {
	t.Helper()
	c := config(endpoint, signingV3)
	c.Protocol = nil // HTTPS, by default
	c.Ca = new(string(alikms.Control(t, p.Endpoint, "GET", "ca.pem", "")))
	return c
}

func TestTheSDKVerifiesTheRealNames(t *testing.T) {
	p := alikms.Start(t, "--fixture", composeScenario)
	proxy := p.Resolver(t)
	for name, key := range map[string]kms.GetPublicKeyRequest{
		"kms.cn-hangzhou.aliyuncs.com":        sharedKey,
		"kms-vpc.cn-hangzhou.aliyuncs.com":    sharedKey,
		instanceHost:                          instanceKey,
		"kst-hzz65f176a0ogplgq0001.localhost": instanceKey,
		"alikms":                              sharedKey,
	} {
		c := secureConfig(t, p, name)
		c.HttpsProxy = new(proxy)
		s := connect(t, c)
		call(s, s.GetPublicKey, &key)
	}
}

func TestTheSDKVerifiesLoopback(t *testing.T) {
	p := alikms.Start(t, "--fixture", composeScenario)
	_, port, err := net.SplitHostPort(p.Secure)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		s := connect(t, secureConfig(t, p, net.JoinHostPort(host, port)))
		call(s, s.GetPublicKey, &sharedKey)
	}
}

func TestTheSDKIsRefusedAForeignName(t *testing.T) {
	p := alikms.Start(t)
	c := secureConfig(t, p, "example.com")
	c.HttpsProxy = new(p.Resolver(t))
	if _, err := connect(t, c).ListKeys(&kms.ListKeysRequest{}); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("the SDK says: %v", err)
	}
}

func TestTheSDKRefusesWithoutTheCA(t *testing.T) {
	p := alikms.Start(t)
	c := config(p.Secure, signingV3)
	c.Protocol = nil
	s := connect(t, c)
	if _, err := s.ListKeys(&kms.ListKeysRequest{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the SDK says: %v", err)
	}
	if _, err := s.ListKeysWithOptions(&kms.ListKeysRequest{}, &dara.RuntimeOptions{IgnoreSSL: new(true)}); err != nil {
		t.Errorf("with IgnoreSSL: %v", err)
	}
}

// TestTheSDKIsToldOfTheWrongPort: without ReadTimeout this SDK waits for ever
// for a server that does not answer.
func TestTheSDKIsToldOfTheWrongPort(t *testing.T) {
	p := alikms.Start(t)
	toPlain, toTLS := secureConfig(t, p, p.Endpoint), config(p.Secure, signingV3)
	for _, c := range []struct {
		name   string
		config *openapi.Config
		says   string
	}{
		{"TLS to plain", toPlain, "server gave HTTP response to HTTPS client"},
		{"plain to TLS", toTLS, "InvalidProtocol.NeedSsl"},
	} {
		c.config.ReadTimeout = nil
		s := connect(t, c.config)
		told := make(chan error, 1)
		go func() {
			_, err := s.ListKeys(&kms.ListKeysRequest{})
			told <- err
		}()
		select {
		case err := <-told:
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: the SDK says: %v", c.name, err)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("%s: the SDK still waits", c.name)
		}
	}
}

func TestTheClassicSDKVerifiesLoopback(t *testing.T) {
	p := alikms.Start(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(alikms.Control(t, p.Endpoint, "GET", "ca.pem", ""))
	verified := sdk.NewConfig().WithScheme("HTTPS").WithHttpTransport(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}})
	for name, c := range map[string]*sdk.Config{"verified": verified, "unverified": sdk.NewConfig().WithScheme("HTTPS")} {
		client, err := classic.NewClientWithOptions(region, c, classiccredentials.NewAccessKeyCredential(accessKeyID, accessKeySecret))
		if err != nil {
			t.Fatal(err)
		}
		client.Domain = p.Secure
		if name == "unverified" {
			client.SetHTTPSInsecure(true)
		}
		if _, err := client.ListKeys(classic.CreateListKeysRequest()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
