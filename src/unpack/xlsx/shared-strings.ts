/** The texts of a workbook, which its cells name by their number. Kept as UTF-8 in large pieces, and never more than a limit. */
import { broken, tooLarge } from '../faults';
import { readXml, WORKBOOK } from './read-xml';
import { RichText } from './rich-text';

/** Texts, and what it takes to find them. */
const MAX_BYTES = 128 * 1024 * 1024;
const PAGE_BYTES = 256 * 1024;
/** Each text's place and length. */
const ENTRY_BYTES = 12;

export class SharedStrings {
  private readonly pages: Buffer[] = [];
  private pageAt = PAGE_BYTES;
  private bytes = 0;
  private count = 0;
  private spots = new Uint32Array(3 * 1024);

  /**
   * @param hold is told how many bytes are held, and may throw
   * @throws AppError payload_too_large, invalid_json, and what `hold` throws
   */
  static async read(part: AsyncIterable<Buffer>, hold: (bytes: number) => void): Promise<SharedStrings> {
    const strings = new SharedStrings();
    const text = new RichText();
    let held = 0;
    await readXml(part, {
      open: (name) => (name === 'si' ? text.begin() : text.open(name)),
      text: (piece) => text.add(piece),
      close: (name) => {
        text.close(name);
        if (name !== 'si') return;
        strings.add(text.take());
        if (strings.bytes - held < PAGE_BYTES) return;
        held = strings.bytes;
        hold(held);
      },
    });
    return strings;
  }

  /** @throws AppError invalid_json when there is none with this number */
  get(index: number): string {
    if (!(index >= 0 && index < this.count)) throw broken(WORKBOOK);
    const at = 3 * index;
    const { spots } = this;
    const [page = 0, start = 0, length = 0] = [spots[at], spots[at + 1], spots[at + 2]];
    return this.pages[page]?.toString('utf8', start, start + length) ?? '';
  }

  private add(text: string): void {
    const length = Buffer.byteLength(text);
    this.bytes += length + ENTRY_BYTES;
    if (this.bytes > MAX_BYTES) {
      const megabytes = MAX_BYTES / 1024 / 1024;
      throw tooLarge(
        `The texts of the workbook are larger than ${megabytes} MiB. Save the sheet as CSV and send that.`,
      );
    }
    if (this.pageAt + length > PAGE_BYTES) this.addPage(length);
    const page = this.pages.length - 1;
    this.pages[page]?.write(text, this.pageAt);
    if (3 * this.count === this.spots.length) this.grow();
    this.spots.set([page, this.pageAt, length], 3 * this.count);
    this.pageAt += length;
    this.count++;
  }

  private addPage(length: number): void {
    this.pages.push(Buffer.allocUnsafe(Math.max(PAGE_BYTES, length)));
    this.pageAt = 0;
  }

  private grow(): void {
    const larger = new Uint32Array(2 * this.spots.length);
    larger.set(this.spots);
    this.spots = larger;
  }
}
