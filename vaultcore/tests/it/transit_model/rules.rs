//! Rules that a planted fault bends.

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    Nothing,
    /// A rotation adds a version that nobody encrypts with.
    OldVersionEncrypts,
    /// What an old version made is taken, whatever the key's rules say.
    MinDecryptionIsIgnored,
    /// An old version encrypts if it is asked to.
    MinEncryptionIsIgnored,
    /// A version that may not decrypt any more may still encrypt.
    EncryptsBelowDecryption,
    /// Versions are trimmed though nothing says that they do not encrypt.
    TrimsFreely,
    /// Trimmed versions are there again if the minimum is lowered.
    TrimIsUndone,
    /// A derived key decrypts in any context.
    AnyContext,
    /// Associated data are not looked at.
    AnyAssociated,
    /// A version of any key decrypts what has its number.
    AnyKey,
    /// Equal texts under a convergent key give different ciphertexts.
    ConvergentIsRandom,
    /// A convergent key gives equal ciphertexts in all contexts.
    ConvergentForgetsContext,
    /// A convergent key gives equal ciphertexts with any associated data.
    ConvergentForgetsAssociated,
    /// What may leave may be made to stay.
    ExportableIsTakenBack,
    /// An export shows versions that may not decrypt any more.
    ExportShowsAll,
    /// Whatever may be exported may be backed up.
    BackupIsFree,
    /// Any key may be deleted.
    DeletionIsFree,
    /// A key that is made anew is the old one.
    NameIsTheKey,
    /// Making a key that is there changes it.
    CreateResets,
    /// A key from a backup has no minimum versions.
    RestoreResetsRules,
    /// A key from a backup takes the place of another.
    RestoreOverwrites,
    /// A key from a backup does not decrypt what its original made.
    RestoreIsAnother,
    /// A key that was made elsewhere is rotated.
    ImportedRotates,
    /// A version is imported into a key that was made here.
    AnyTakesVersions,
    /// A public key signs.
    PublicSigns,
    /// A key that was taken out of use is used.
    SoftDeletedWorks,
    /// A key that was taken out of use is backed up.
    SoftDeletedLeaves,
    /// A rotation by hand does not begin the period anew.
    PeriodGoesOn,
    /// As many versions are made as periods are over.
    CatchesUp,
    /// Keys are rotated when they are due, by nobody.
    RotatesAlone,
    /// What is encrypted anew stays under its version.
    RewrapKeepsVersion,
    /// What is encrypted anew loses its associated data, as in Vault.
    RewrapLosesAssociated,
    /// Encrypting makes a missing key, whatever the mount says.
    UpsertIsFree,
    /// Encrypting makes a key that is not derived.
    UpsertIsPlain,
    /// Of a change of rules the part is made that can be.
    ConfigureHalf,
    /// An old MAC is good for ever.
    OldMacs,
    /// All versions make MACs by one key.
    OneMacKey,
    /// A signature by a derived key is good in any context.
    SignatureInAnyContext,
    /// One wrong item fails its batch.
    BatchFails,
    /// A new version in another process is seen after a seal only.
    OtherHandleIsLate,
    /// After a crash nobody knows when a key is due.
    CrashLosesDue,
}

impl Planted {
    /// Everything that can be wrong.
    pub(crate) const FAULTS: &[Self] = &[
        Self::OldVersionEncrypts,
        Self::MinDecryptionIsIgnored,
        Self::MinEncryptionIsIgnored,
        Self::EncryptsBelowDecryption,
        Self::TrimsFreely,
        Self::TrimIsUndone,
        Self::AnyContext,
        Self::AnyAssociated,
        Self::AnyKey,
        Self::ConvergentIsRandom,
        Self::ConvergentForgetsContext,
        Self::ConvergentForgetsAssociated,
        Self::ExportableIsTakenBack,
        Self::ExportShowsAll,
        Self::BackupIsFree,
        Self::DeletionIsFree,
        Self::NameIsTheKey,
        Self::CreateResets,
        Self::RestoreResetsRules,
        Self::RestoreOverwrites,
        Self::RestoreIsAnother,
        Self::ImportedRotates,
        Self::AnyTakesVersions,
        Self::PublicSigns,
        Self::SoftDeletedWorks,
        Self::SoftDeletedLeaves,
        Self::PeriodGoesOn,
        Self::CatchesUp,
        Self::RotatesAlone,
        Self::RewrapKeepsVersion,
        Self::RewrapLosesAssociated,
        Self::UpsertIsFree,
        Self::UpsertIsPlain,
        Self::ConfigureHalf,
        Self::OldMacs,
        Self::OneMacKey,
        Self::SignatureInAnyContext,
        Self::BatchFails,
        Self::OtherHandleIsLate,
        Self::CrashLosesDue,
    ];
}
