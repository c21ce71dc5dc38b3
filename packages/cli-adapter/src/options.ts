/** Options that every command takes. */
export interface CommonOptions {
  json?: boolean
  debug?: boolean
}

/** What `migrate`, `plan` and `verify` take. */
export interface MigrateOptions extends CommonOptions {
  to: string
  visibility?: 'private' | 'internal' | 'public'
  existing?: boolean
  force?: boolean
  prune?: boolean
  namespace?: string[]
  description?: string
  settings: boolean
  git?: 'auto' | 'relay' | 'native' | 'isomorphic'
}
