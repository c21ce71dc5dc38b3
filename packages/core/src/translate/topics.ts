import { maxTopics, toTopic } from '@saddle/github-client'
import type { Loss } from '../ledger.ts'

/**
 * The topics for labels, added to those that the target has: topics that somebody gave it there stay. Labels that have no
 * form as a topic, or no room among the 20, are losses; so are those that had to be changed.
 */
export function translateLabels(labels: readonly string[], present: readonly string[] = []): { topics: string[]; losses: Loss[] } {
  const topics = new Set(present)
  const losses: Loss[] = []
  const lose = (subject: string, reason: string) => losses.push({ kind: 'topic', subject, reason })
  for (const label of labels) {
    const topic = toTopic(label)
    if (topic === undefined) lose(label, 'Nothing of this label can be written as a topic (letters, digits and "-").')
    else if (!topics.has(topic) && topics.size >= maxTopics) lose(label, `The target keeps ${maxTopics} topics; there was no room.`)
    else {
      topics.add(topic)
      if (topic !== label) lose(label, `Topics are lower case, of letters, digits and "-": it became ${topic}.`)
    }
  }
  return { topics: [...topics], losses }
}
