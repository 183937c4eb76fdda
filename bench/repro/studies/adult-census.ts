import { readFile } from 'node:fs/promises'
import { decodeCsv } from '../../../sdk/formats/index.ts'
import { type Examples, subset } from '../../../sdk/index.ts'
import { dataFolder } from '../series/installed.ts'

/** The columns of UCI's Adult, in order. */
export const columnNames: readonly string[] = [
  ...['age', 'workclass', 'fnlwgt', 'education', 'education-num', 'marital-status', 'occupation', 'relationship'],
  ...['race', 'sex', 'capital-gain', 'capital-loss', 'hours-per-week', 'native-country', 'income'],
]

/** The texts of the columns that have texts, by name: 99 in all. A missing value is none of them. */
export const texts = {
  workclass: [
    'Federal-gov',
    'Local-gov',
    'Never-worked',
    'Private',
    'Self-emp-inc',
    'Self-emp-not-inc',
    'State-gov',
    'Without-pay',
  ],
  education: [
    '10th',
    '11th',
    '12th',
    '1st-4th',
    '5th-6th',
    '7th-8th',
    '9th',
    'Assoc-acdm',
    'Assoc-voc',
    'Bachelors',
    'Doctorate',
    'HS-grad',
    'Masters',
    'Preschool',
    'Prof-school',
    'Some-college',
  ],
  'marital-status': [
    'Divorced',
    'Married-AF-spouse',
    'Married-civ-spouse',
    'Married-spouse-absent',
    'Never-married',
    'Separated',
    'Widowed',
  ],
  occupation: [
    'Adm-clerical',
    'Armed-Forces',
    'Craft-repair',
    'Exec-managerial',
    'Farming-fishing',
    'Handlers-cleaners',
    'Machine-op-inspct',
    'Other-service',
    'Priv-house-serv',
    'Prof-specialty',
    'Protective-serv',
    'Sales',
    'Tech-support',
    'Transport-moving',
  ],
  relationship: ['Husband', 'Not-in-family', 'Other-relative', 'Own-child', 'Unmarried', 'Wife'],
  race: ['Amer-Indian-Eskimo', 'Asian-Pac-Islander', 'Black', 'Other', 'White'],
  sex: ['Female', 'Male'],
  'native-country': [
    'Cambodia',
    'Canada',
    'China',
    'Columbia',
    'Cuba',
    'Dominican-Republic',
    'Ecuador',
    'El-Salvador',
    'England',
    'France',
    'Germany',
    'Greece',
    'Guatemala',
    'Haiti',
    'Holand-Netherlands',
    'Honduras',
    'Hong',
    'Hungary',
    'India',
    'Iran',
    'Ireland',
    'Italy',
    'Jamaica',
    'Japan',
    'Laos',
    'Mexico',
    'Nicaragua',
    'Outlying-US(Guam-USVI-etc)',
    'Peru',
    'Philippines',
    'Poland',
    'Portugal',
    'Puerto-Rico',
    'Scotland',
    'South',
    'Taiwan',
    'Thailand',
    'Trinadad&Tobago',
    'United-States',
    'Vietnam',
    'Yugoslavia',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>

interface Census {
  readonly training: Examples
  readonly test: Examples
}

let read: Promise<Census> | undefined

/** Training and test set of UCI's Adult, on the texts alone: 99 features, all 0 where a value is missing. */
export function census(): Promise<Census> {
  read ??= (async () => {
    const folder = await dataFolder('adult')
    const of = async (file: string, end: string) => {
      const text = await readFile(`${folder}/${file}`, 'utf8')
      // The first line of the test set is a remark.
      return decodeCsv(text.replace(/^\|.*\n/, ''), file, {
        header: false,
        label: columnNames.indexOf('income'),
        classes: [`<=50K${end}`, `>50K${end}`],
        features: Object.keys(texts).map((name) => columnNames.indexOf(name)),
        categories: Object.fromEntries(
          Object.entries(texts).map(([name, each]) => [String(columnNames.indexOf(name)), each]),
        ),
        columns: ['education', 'sex'].map((name) => String(columnNames.indexOf(name))),
        missing: 0,
      })
    }
    return { training: await of('adult.data', ''), test: await of('adult.test', '.') }
  })()
  return read
}

/** The first examples, for a quick run. */
export function first(examples: Examples, count: number): Examples {
  return subset(
    examples,
    Uint32Array.from({ length: Math.min(count, examples.count) }, (_, index) => index),
  )
}
