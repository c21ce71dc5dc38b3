/**
 * Whether tests that need a program can run. A missing one is a failure where all services are required
 * (`SADDLE_REQUIRE_SERVICES=1`), and a notice that cannot be overlooked elsewhere.
 */
export function requiredProgram(name: string, present: boolean): boolean {
  if (present) return true
  const text = `${name} is not installed: the tests that need it cannot run.`
  if (process.env['SADDLE_REQUIRE_SERVICES'] === '1') throw new Error(text)
  console.warn(`\n*** ${text} They are skipped. ***\n`)
  return false
}
