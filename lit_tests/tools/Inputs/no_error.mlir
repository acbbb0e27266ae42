// expected-error @+1 {{some error}}
func.func @valid() {
  func.return
}
