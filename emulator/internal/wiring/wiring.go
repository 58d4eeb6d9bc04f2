// Package wiring tells what to set in which client, so that it finds the
// emulator, and writes sample programs (sample.go), by what the request classes of
// each SDK have (model.go).
package wiring

import (
	"net"
	"strings"
)

// wiring is what to set in a client. ADDRESS stands for
// HOST:PORT, without a scheme: with one most SDKs build https://http//….
type wiring struct {
	sdk        string // as in --sdk
	client     string // what it is called where it comes from
	comment    string
	plain      string
	verified   string // with the CA in alikms-ca.pem
	unverified string
}

var wirings = []wiring{
	{
		sdk: "go", client: "Go, github.com/alibabacloud-go/kms-20160120 (v2, v3)", comment: "//",
		plain: `config.Endpoint = tea.String("ADDRESS")
config.Protocol = tea.String("HTTP")`,
		verified: `ca, err := os.ReadFile("alikms-ca.pem")
config.Endpoint = tea.String("ADDRESS")
config.Ca = tea.String(string(ca)) // the text, not the path`,
		unverified: `config.Endpoint = tea.String("ADDRESS")
runtime.IgnoreSSL = tea.Bool(true) // of each call, as in client.ListKeysWithOptions(request, runtime)`,
	},
	{
		sdk: "go-classic", client: "Go, github.com/aliyun/alibaba-cloud-sdk-go", comment: "//",
		plain: `config := sdk.NewConfig().WithScheme("HTTP")
client.Domain = "ADDRESS"`,
		verified: `ca, err := os.ReadFile("alikms-ca.pem")
pool := x509.NewCertPool()
pool.AppendCertsFromPEM(ca)
config := sdk.NewConfig().WithScheme("HTTPS").WithHttpTransport(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}})
client.Domain = "ADDRESS"`,
		unverified: `config := sdk.NewConfig().WithScheme("HTTPS")
client.Domain = "ADDRESS"
client.SetHTTPSInsecure(true)`,
	},
	{
		sdk: "java", client: "Java, com.aliyun:kms20160120", comment: "//",
		plain: `config.setEndpoint("ADDRESS").setProtocol("http");`,
		verified: `config.setEndpoint("ADDRESS");
config.ca = Files.readString(Path.of("alikms-ca.pem")); // the text, not the path`,
		unverified: `config.setEndpoint("ADDRESS");
runtime.ignoreSSL = true; // of each call, as in client.listKeysWithOptions(request, runtime)`,
	},
	{
		sdk: "java-classic", client: "Java, com.aliyun:aliyun-java-sdk-kms", comment: "//",
		plain: `DefaultProfile.addEndpoint("cn-hangzhou", "Kms", "ADDRESS"); // your region
request.setSysProtocol(ProtocolType.HTTP); // of each request: those of KMS preset HTTPS`,
		verified: `//   keytool -importcert -noprompt -alias alikms -file alikms-ca.pem -keystore alikms.p12 -storetype PKCS12 -storepass changeit
//   java -Djavax.net.ssl.trustStore=alikms.p12 -Djavax.net.ssl.trustStorePassword=changeit …
DefaultProfile.addEndpoint("cn-hangzhou", "Kms", "ADDRESS");`,
		unverified: `DefaultProfile.addEndpoint("cn-hangzhou", "Kms", "ADDRESS");
HttpClientConfig http = HttpClientConfig.getDefault();
http.setIgnoreSSLCerts(true);
profile.setHttpClientConfig(http);`,
	},
	{
		sdk: "python", client: "Python, alibabacloud_kms20160120", comment: "#",
		plain: `config = Config(access_key_id="testid", access_key_secret="testsecret", region_id="cn-hangzhou",
                endpoint="ADDRESS", protocol="http")`,
		verified: `config = Config(access_key_id="testid", access_key_secret="testsecret", region_id="cn-hangzhou",
                endpoint="ADDRESS", ca="alikms-ca.pem")  # the path, unlike in other languages`,
		unverified: `config = Config(access_key_id="testid", access_key_secret="testsecret", region_id="cn-hangzhou",
                endpoint="ADDRESS")
runtime = RuntimeOptions(ignore_ssl=True)  # of each call, as in client.list_keys_with_options(request, runtime)`,
	},
	{
		sdk: "python-classic", client: "Python, aliyun-python-sdk-kms", comment: "#",
		plain: `client = AcsClient("testid", "testsecret", "cn-hangzhou", port=PORT)
request.set_endpoint("HOST")
request.set_protocol_type("http")  # a literal: the SDK compares it by identity`,
		verified: `client = AcsClient("testid", "testsecret", "cn-hangzhou", port=PORT, verify="alikms-ca.pem")
request.set_endpoint("HOST")`,
		unverified: `client = AcsClient("testid", "testsecret", "cn-hangzhou", port=PORT, verify=False)
request.set_endpoint("HOST")`,
	},
	{
		sdk: "node", client: "Node, @alicloud/kms20160120", comment: "//",
		plain: `new RPC.Config({accessKeyId: 'testid', accessKeySecret: 'testsecret', regionId: 'cn-hangzhou',
  endpoint: 'ADDRESS', protocol: 'http'})`,
		verified: `//   NODE_EXTRA_CA_CERTS=alikms-ca.pem node …
new RPC.Config({accessKeyId: 'testid', accessKeySecret: 'testsecret', regionId: 'cn-hangzhou',
  endpoint: 'ADDRESS', protocol: 'https'})`,
		unverified: `//   NODE_TLS_REJECT_UNAUTHORIZED has no effect on this SDK
client.listKeysEx(request, new RuntimeOptions({ignoreSSL: true})) // each call`,
	},
	{
		sdk: "pop-core", client: "Node, @alicloud/pop-core", comment: "//",
		plain: `new PopCore({accessKeyId: 'testid', accessKeySecret: 'testsecret', apiVersion: '2016-01-20',
  endpoint: 'http://ADDRESS'}) // with the scheme, here only`,
		verified: `//   NODE_EXTRA_CA_CERTS=alikms-ca.pem node …
new PopCore({accessKeyId: 'testid', accessKeySecret: 'testsecret', apiVersion: '2016-01-20',
  endpoint: 'https://ADDRESS'})`,
		unverified: `new PopCore({accessKeyId: 'testid', accessKeySecret: 'testsecret', apiVersion: '2016-01-20',
  endpoint: 'https://ADDRESS', opts: {agent: new https.Agent({rejectUnauthorized: false})}})`,
	},
	{
		sdk: "cli", client: "aliyun CLI; write actions as ListKeys, for list-keys needs a plugin", comment: "#",
		plain: `export ALIBABA_CLOUD_ACCESS_KEY_ID=testid ALIBABA_CLOUD_ACCESS_KEY_SECRET=testsecret ALIBABA_CLOUD_REGION_ID=cn-hangzhou
aliyun kms ListKeys --endpoint ADDRESS --insecure # which means plain HTTP`,
		verified:   `SSL_CERT_FILE=alikms-ca.pem aliyun kms ListKeys --endpoint ADDRESS`,
		unverified: `aliyun kms ListKeys --endpoint ADDRESS --skip-secure-verify`,
	},
	{
		sdk: "terraform", client: "Terraform, provider alicloud", comment: "#",
		plain: `provider "alicloud" {
  region       = "cn-hangzhou"
  access_key   = "testid"
  secret_key   = "testsecret"
  account_type = "Domestic" # else the provider asks the billing service at its start
  protocol     = "HTTP"     # of every product
  endpoints { kms = "ADDRESS" }
}`,
		verified: `#   SSL_CERT_FILE=alikms-ca.pem terraform apply
provider "alicloud" {
  region       = "cn-hangzhou"
  access_key   = "testid"
  secret_key   = "testsecret"
  account_type = "Domestic"
  endpoints { kms = "ADDRESS" }
}`,
		unverified: `#   the provider has no such setting`,
	},
}

// SDKs are the clients that Text knows.
func SDKs() (names []string) {
	for _, w := range wirings {
		names = append(names, w.sdk)
	}
	return names
}

// Text is what to set so that a client finds the emulator: in the client's
// own language, for plain HTTP, HTTPS with the CA, and HTTPS unverified. sdk is
// one of SDKs, for any other it is ""; plain and secure are host:port, secure ""
// where HTTPS is off.
func Text(sdk, plain, secure string) string {
	for _, w := range wirings {
		if w.sdk == sdk {
			return w.text(plain, secure)
		}
	}
	return ""
}

func (w wiring) text(plain, secure string) string {
	text := w.section(w.client+"\n"+w.comment+" plain HTTP (any AccessKey will do, unless alikms has credentials)", w.plain, plain)
	if secure == "" {
		return text
	}
	return text + "\n" +
		w.section("HTTPS, first: curl -so alikms-ca.pem http://"+plain+"/_emulator/ca.pem", w.verified, secure) + "\n" +
		w.section("HTTPS, unverified", w.unverified, secure)
}

func (w wiring) section(heading, lines, address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return w.comment + " " + heading + "\n" + strings.NewReplacer("ADDRESS", address, "HOST", host, "PORT", port).Replace(lines) + "\n"
}
