/** One line of `saddle doctor`. */
export interface Finding {
  /** What was looked at, for example `GitHub certificate`. */
  check: string
  outcome: 'good' | 'bad' | 'warning'
  /** What was found. */
  text: string
  /** What to do about it. */
  remedy?: string
}

/** A finding about something that is right. */
export const good = (check: string, text: string): Finding => ({ check, outcome: 'good', text })

/** A finding about something that a migration may do without. */
export const warning = (check: string, text: string, remedy: string): Finding => ({ check, outcome: 'warning', text, remedy })

/** A finding about something that would make a migration fail. */
export const bad = (check: string, text: string, remedy: string): Finding => ({ check, outcome: 'bad', text, remedy })
