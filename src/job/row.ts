/** A row on its way: as it was staged, and as it is applied. */

/** A row as it came. */
export interface StagedRow {
  /** 1-based position among the rows of the job. */
  row: number;
  /** Line of the file where it begins; null for JSON bodies, absent where nobody asks. */
  line?: number | null;
  raw: Buffer;
}

/** A row that passed every check, in the form that the upsert takes. */
export interface AcceptedRow {
  row: number;
  id: string;
  /** undefined leaves the stored company, null detaches it. */
  companyId: string | null | undefined;
  /** JSON text of the metadata, or of an object that has it as its member `metadata`; numbers as the client wrote them. */
  json: string;
  /** Which of the two `json` is. */
  isWhole: boolean;
  /** Whether a value of the metadata may be null. */
  hasNulls: boolean;
  /** Of all that decides what the row does to what is stored: see digestRow. */
  digest: string;
}
