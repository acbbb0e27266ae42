// Holds a misspelt operation.
func.func @broken() {
  arith.subbi
  func.return
}
