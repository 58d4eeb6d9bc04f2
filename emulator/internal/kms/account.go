package kms

var accountOperations = []Operation{
	read("DescribeAccountKmsStatus", "Says that the account may use KMS.", describeAccountKmsStatus).quota(groupAccount).resource("*"),
}

type describeAccountKmsStatusResponse struct{ AccountStatus string }

// describeAccountKmsStatus asks for permission on all that the account has in
// the region: the page "Use RAM to control access to KMS resources" excepts
// DescribeRegions only, and names no resource for this.
func describeAccountKmsStatus(tx *transaction, _ *struct{}) (*describeAccountKmsStatusResponse, error) {
	return &describeAccountKmsStatusResponse{"Enabled"}, tx.permit(ARN(tx.Scope, "*"))
}
