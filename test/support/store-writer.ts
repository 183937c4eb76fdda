import { CodedError, type Store } from '../../runtime/index.ts'
import { storeOpenedAt } from './stores.ts'

/**
 * Program that writes to a store until it is killed or a write fails: `store-writer <folder or URL> <seed> [bytes]`. It
 * prints a line for each acknowledgement. When a write fails, it prints `refused CODE` and the number of readable
 * entries, and closes the store.
 */
const [, , location = '', seed = '0', size = '300'] = process.argv

try {
  const store = await storeOpenedAt(location)
  print('open')
  await write(store)
} catch (error) {
  print(`refused ${error instanceof CodedError ? error.code : String(error)}`)
}

async function write(store: Store): Promise<void> {
  const journal = `journal-${seed}`
  const filler = new Uint8Array(Number(size))
  try {
    await store.documents.insert('pairs', [{ id: `${seed}-pair`, fields: { n: 0 } }])
    for (let n = 1; ; n++) {
      filler.fill(n & 0xff)
      const [entry, another] = await Promise.all([
        store.append(journal, Uint8Array.from([n & 0xff, ...filler])),
        store.append(journal, Uint8Array.from([n & 0xff, ...filler])),
        store.save(`state-${seed}`, n - 1, filler),
        store.documents.replace('pairs', `${seed}-pair`, n, { n }),
        store.documents.insertAll([
          { collection: 'items', id: `${seed}-${n}`, fields: { n } },
          { collection: 'parts', id: `${seed}-${n}-a`, fields: { n } },
          { collection: 'parts', id: `${seed}-${n}-b`, fields: { n } },
        ]),
        store.putBlob(`blob-${seed}`, [Uint8Array.of(n & 0xff), filler, filler]),
      ])
      print(`written ${n} ${entry} ${another}`)
      // The first query makes an index, which later writes maintain.
      for await (const _ of store.documents.find('parts', { where: { n } }));
    }
  } catch (error) {
    print(`refused ${error instanceof CodedError ? error.code : String(error)}`)
    let entries = 0
    for await (const _ of store.read(journal)) entries += 1
    print(`readable ${entries}`)
    await store.close()
    print('closed')
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
