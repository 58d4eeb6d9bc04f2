package kms

import "slices"

var regionOperations = []Operation{
	read("DescribeRegions", "Lists the regions that have KMS.", describeRegions),
}

// regions are those with an endpoint in the API's metadata.
var regions = []string{
	"cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote", "cn-wulanchabu", "cn-hangzhou", "cn-shanghai",
	"cn-shenzhen", "cn-heyuan", "cn-guangzhou", "cn-chengdu", "cn-hongkong",
	"ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5",
	"ap-southeast-6", "ap-southeast-7", "us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "ap-south-1", "me-east-1",
	"cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1", "cn-beijing-finance-1",
}

// Regions are the ids of the regions that have KMS.
func Regions() []string { return slices.Clone(regions) }

// IsRegion reports whether the service has such a region.
func IsRegion(id string) bool { return slices.Contains(regions, id) }

type region struct{ RegionId string }

type describeRegionsResponse struct {
	Regions struct{ Region []region }
}

// describeRegions needs no permission.
func describeRegions(*transaction, *struct{}) (*describeRegionsResponse, error) {
	out := &describeRegionsResponse{}
	for _, id := range regions {
		out.Regions.Region = append(out.Regions.Region, region{id})
	}
	return out, nil
}
