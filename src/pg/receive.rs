//! Where the rows of catalog queries go: from the executor's slot into [`Rows`], without the copy of each
//! tuple that SPI would keep.

use crate::catalog::Rows;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CStr;

/// What the executor hands rows to; the first field is all that it knows of.
#[repr(C)]
pub(super) struct Receiver {
    dest: pg_sys::DestReceiver,
    types: Vec<pg_sys::Oid>,
    rows: Rows,
}

impl Receiver {
    pub(super) fn new() -> Self {
        let dest = pg_sys::DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(startup),
            rShutdown: Some(nothing),
            rDestroy: Some(nothing),
            // Any but SPI's own, whose rows SPI would look for.
            mydest: pg_sys::CommandDest::DestTupleQueue,
        };
        Self { dest, types: Vec::new(), rows: Rows::default() }
    }

    pub(super) fn as_dest(&mut self) -> *mut pg_sys::DestReceiver {
        (&raw mut *self).cast()
    }

    pub(super) fn into_rows(self) -> Rows {
        self.rows
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn startup(this: *mut pg_sys::DestReceiver, _operation: std::ffi::c_int, descriptor: pg_sys::TupleDesc) {
    // SAFETY: the executor passes what `as_dest` gave, whose value outlives the execution, and a valid descriptor.
    unsafe {
        let this = &mut *this.cast::<Receiver>();
        let columns = (*descriptor).natts;
        this.types = (1..=columns).map(|i| pg_sys::SPI_gettypeid(descriptor, i)).collect();
        this.rows = Rows::new(columns as usize);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn nothing(_this: *mut pg_sys::DestReceiver) {}

#[pg_guard]
unsafe extern "C-unwind" fn receive(slot: *mut pg_sys::TupleTableSlot, this: *mut pg_sys::DestReceiver) -> bool {
    // SAFETY: as above; the slot holds a row of the described columns, deformed before its arrays are read.
    unsafe {
        let this = &mut *this.cast::<Receiver>();
        let columns = this.types.len();
        if ((*slot).tts_nvalid as usize) < columns {
            pg_sys::slot_getsomeattrs_int(slot, columns as i32);
        }
        for (i, &type_oid) in this.types.iter().enumerate() {
            if *(*slot).tts_isnull.add(i) {
                this.rows.null();
            } else {
                take(&mut this.rows, *(*slot).tts_values.add(i), type_oid);
            }
        }
    }
    true
}

/// # Safety
/// `datum` is a non-null value of type `type_oid`.
unsafe fn take(rows: &mut Rows, datum: pg_sys::Datum, type_oid: pg_sys::Oid) {
    // SAFETY: each branch reads the datum as the type that it has; what is made of a toasted value is freed after its use.
    unsafe {
        match type_oid {
            pg_sys::BOOLOID => rows.bool(datum.value() != 0),
            pg_sys::INT2OID => rows.int(i64::from(datum.value() as i16)),
            pg_sys::INT4OID => rows.int(i64::from(datum.value() as i32)),
            pg_sys::INT8OID => rows.int(datum.value() as i64),
            pg_sys::OIDOID => rows.int(i64::from(datum.value() as u32)),
            pg_sys::CHAROID => rows.text(char::from(datum.value() as u8).encode_utf8(&mut [0; 4])),
            pg_sys::NAMEOID => {
                let name = CStr::from_ptr(datum.cast_mut_ptr::<std::ffi::c_char>());
                rows.text(&String::from_utf8_lossy(name.to_bytes()));
            }
            pg_sys::TEXTOID => {
                let stored: *mut pg_sys::varlena = datum.cast_mut_ptr();
                let plain = pg_sys::pg_detoast_datum_packed(stored);
                rows.text(<&str>::from_datum(pg_sys::Datum::from(plain), false).unwrap_or_default());
                if plain != stored {
                    pg_sys::pfree(plain.cast());
                }
            }
            pg_sys::TEXTARRAYOID => {
                let items: Vec<Option<String>> = FromDatum::from_datum(datum, false).unwrap_or_default();
                rows.texts(items.into_iter().flatten().collect());
            }
            _ => error!("a catalog query of pg_accord returns a value of type {}", type_oid.to_u32()),
        }
    }
}
