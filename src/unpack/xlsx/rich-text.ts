/** A text in a workbook: its runs one after another, without how they look and without what says how to pronounce them. */
import { tooLarge } from '../faults';

/** A row of an import may be that large. */
const MAX_CHARACTERS = 1024 * 1024;

export class RichText {
  private text = '';
  private isInText = false;
  private isPhonetic = false;

  begin(): void {
    this.text = '';
  }

  open(name: string): void {
    if (name === 'rPh') this.isPhonetic = true;
    else if (name === 't') this.isInText = !this.isPhonetic;
  }

  close(name: string): void {
    if (name === 'rPh') this.isPhonetic = false;
    else if (name === 't') this.isInText = false;
  }

  add(piece: string): void {
    if (!this.isInText) return;
    this.text += piece;
    if (this.text.length > MAX_CHARACTERS)
      throw tooLarge(`A cell of the workbook has more than ${MAX_CHARACTERS} characters.`);
  }

  take(): string {
    return unescapeText(this.text);
  }
}

/** Characters that XML cannot have stand as `_x000D_`. Half a character is left as it stands: it could not be stored. */
export function unescapeText(text: string): string {
  if (!text.includes('_x')) return text;
  const plain = text.replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return plain.isWellFormed() ? plain : text;
}
