import { type Examples, inMemoryExamples, type RandomStream } from 'flame-fl/sdk'

/** Messages that a person wants, with words in place of names in braces. */
const wanted = [
  'are you free {time}',
  'call me when you are {place} {time}',
  'did we win {time}',
  'i need the {thing} now',
  'your {thing} is {place}',
  'please reply to my message before {time}',
  'no prize for us but we will try again {time}',
  'the {thing} was free so i got one for you',
]
const spam = [
  'win a free {prize} now',
  'call now to claim your {prize}',
  'you won a {prize} reply before {time}',
  'your {thing} is on hold call this number {time}',
  'free {prize} for you please reply now',
  'last call for your {prize} {time}',
  'we need you to claim the {prize} before {time}',
  'no message will win like this {prize}',
]
const words: Readonly<Record<string, readonly string[]>> = {
  time: ['today', 'tonight', 'tomorrow', 'noon', 'sunday', 'the meeting'],
  place: ['at home', 'at work', 'on the bus', 'in town'],
  thing: ['ticket', 'card', 'account', 'parcel', 'phone', 'book'],
  prize: ['phone', 'ticket', 'holiday', 'car', 'voucher', 'card'],
}

/** Number of words of a message, with padding behind them. */
export const messageLength = 14

const vocabulary = [...new Set([...wanted, ...spam, ...Object.values(words).flat()].flatMap((text) => text.split(' ')))]
const numberOf = new Map(vocabulary.filter((word) => !word.startsWith('{')).map((word, index) => [word, index + 1]))

/** Number of words, with 0 for padding. */
export const wordCount = numberOf.size + 1

/**
 * Messages of one person, numbered word by word, with label 1 for spam. Nearly all words occur in both kinds: what counts
 * is which words stand together. `habits` draws the kinds of messages that the person gets most.
 */
export function messages(
  count: number,
  random: RandomStream,
  habits: Pick<RandomStream, 'uniform'> = random,
): Examples {
  const favourites = [wanted, spam].map((templates) => templates.map(() => habits.uniform() ** 3))
  const features = new Uint8Array(count * messageLength)
  const labels = Array.from({ length: count }, (_, index) => {
    const label = random.below(2)
    const templates = label === 1 ? spam : wanted
    const template = templates[weighted(favourites[label] ?? [], random)] ?? ''
    const text = template.replace(/\{(\w+)\}/g, (_, name: string) => {
      const choices = words[name] ?? []
      return choices[random.below(choices.length)] ?? ''
    })
    const numbers = text.split(' ').map((word) => numberOf.get(word) ?? 0)
    features.set(numbers.slice(0, messageLength), index * messageLength)
    return label
  })
  return inMemoryExamples({ features, labels, shape: [messageLength], divisor: 1 })
}

/** Draws an index with a probability in proportion to its weight. */
function weighted(weights: readonly number[], random: RandomStream): number {
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0)
  return Math.max(
    0,
    weights.findIndex((weight) => {
      left -= weight
      return left < 0
    }),
  )
}
