import type { ReportHead, ReportRow } from './rows.ts'

/** One JSON document: the bulk migration's record, and its repositories. */
export async function* jsonReport({ bulk, at }: ReportHead, rows: AsyncIterable<ReportRow>): AsyncGenerator<string> {
  // Where credentials are found concerns nobody who reads a report.
  const { credentialRef: _credentialRef, ...shown } = bulk
  yield `{"reportedAt":${JSON.stringify(at)},"bulk":${JSON.stringify(shown)},"repositories":[`
  let between = '\n'
  for await (const row of rows) {
    yield `${between}${JSON.stringify(row)}`
    between = ',\n'
  }
  yield '\n]}\n'
}
