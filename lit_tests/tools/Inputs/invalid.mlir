// Returns nothing where an i32 is promised.
func.func @invalid() -> i32 {
  func.return
}
