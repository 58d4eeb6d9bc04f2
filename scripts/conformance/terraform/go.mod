module github.com/alikms/alikms/scripts/conformance/terraform

go 1.26

require (
	github.com/alibabacloud-go/tea v1.2.2
	github.com/alibabacloud-go/tea-rpc v1.2.0
	github.com/alibabacloud-go/tea-utils v1.4.5
	github.com/alikms/alikms/scripts/conformance/alikms v0.0.0
)

require (
	github.com/alibabacloud-go/debug v1.0.0 // indirect
	github.com/alibabacloud-go/tea-rpc-utils v1.1.2 // indirect
	github.com/aliyun/credentials-go v1.1.2 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/modern-go/concurrent v0.0.0-20180228061459-e0a39a4cb421 // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	golang.org/x/net v0.20.0 // indirect
	gopkg.in/ini.v1 v1.56.0 // indirect
)

replace github.com/alikms/alikms/scripts/conformance/alikms => ../alikms
