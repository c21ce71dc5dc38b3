/** Names the credentials of a job without saying anything about them: the session that started it, and the job. */
export interface CredentialRef {
  /** The record's `owner`. */
  owner: string
  /** Id of the migration or bulk migration. */
  job: string
}

/** The reference as records and queues carry it. */
export const formatCredentialRef = ({ owner, job }: CredentialRef): string => `${owner}/${job}`

/** The reference in a record or a queue's job; undefined for one that this server did not write. */
export function parseCredentialRef(text: string | undefined): CredentialRef | undefined {
  const slash = text?.indexOf('/') ?? -1
  return text === undefined || slash <= 0 ? undefined : { owner: text.slice(0, slash), job: text.slice(slash + 1) }
}
